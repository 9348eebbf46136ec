"""What both sweepers do: hand jobs to the launcher, each in its numbered folder, and gather those that failed."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from ser_lightning.errors import NothingStartedError, RunFailedError, UserError
from ser_lightning.job_failures import FailedJob, failure_message

NUMBERED = "${hydra.job.num}"
"""Hydra's own folder of a job; here the number is chosen, and given to the job as an override."""


def make_launcher(hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> Launcher:
    """The launcher of the config; raises HydraException where a job's folder is not its number."""
    sweep = cast("dict[str, Any]", OmegaConf.to_container(config.hydra.sweep, resolve=False))
    if sweep["subdir"] != NUMBERED:
        raise HydraException("hydra.sweep.subdir is a number, by which a job is found again; set hydra.sweep.dir=")
    return Plugins.instance().instantiate_launcher(
        hydra_context=hydra_context, task_function=task_function, config=config
    )


def job_config(hydra_context: HydraContext, config: DictConfig, overrides: Sequence[str]) -> dict[str, Any]:
    """The resolved config of a job; raises what Hydra raises, and UserError where it cannot be resolved here."""
    from ser_lightning.config import plain

    composed = hydra_context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(composed):
        del composed["hydra"]
    return plain(composed)


def launched(launcher: Launcher, folder: Path, jobs: Mapping[int, list[str]], first: int) -> Sequence[JobReturn]:
    """What became of jobs by the number of their folder; where the launcher itself failed, all have failed."""
    batch = [[*overrides, *_place(folder, number)] for number, overrides in jobs.items()]
    try:
        return launcher.launch(batch, initial_job_idx=first)
    except Exception as error:
        traceback.print_exc()
        return [JobReturn(overrides=job[:-2], status=JobStatus.FAILED, _return_value=error) for job in batch]


def raise_failed(failed: Sequence[FailedJob], num_jobs: int, hydra_context: HydraContext, config: DictConfig) -> None:
    """Raise RunFailedError where jobs failed, after what comes at a multirun's end."""
    if failed:
        # Hydra comes to that only where nothing is raised.
        hydra_context.callbacks.on_multirun_end(config=config, config_name=None)
        raise RunFailedError(failure_message(failed, num_jobs))


@contextmanager
def before_any_job() -> Iterator[None]:
    """A UserError within says that nothing was started, which is another exit code than that of a failed job."""
    try:
        yield
    except UserError as error:
        raise NothingStartedError(error.problems) from None


def _place(folder: Path, number: int) -> list[str]:
    """Overrides for the folder of a job: one multirun has one folder, whatever a job's `name` is."""
    quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
    return [f"hydra.sweep.dir='{quoted}'", f"hydra.sweep.subdir={number}"]
