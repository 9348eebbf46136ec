"""`hydra/sweeper=grid`: every combination of the values given, as Hydra's own sweeper has them, with three differences.

What an earlier command has finished is not run again; a job that fails stops no other, whatever the launcher; and all
that failed are listed at the end, after the comparison of the runs that are finished. Hydra imports this file before
every command, so it imports nothing heavy at the top.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from ser_lightning.errors import RunFailedError, UserError
from ser_lightning.job_failures import FailedJob, failure_message
from ser_lightning.terminal import out

NUMBERED = "${hydra.job.num}"
"""Hydra's own folder of a job; here the number is chosen, and given to the job as an override."""


class GridSweeper(Sweeper):
    """Runs each combination that is not finished; raises RunFailedError at the end where jobs failed.

    `params` are overrides from a config file; those of the command line replace them. At most `max_batch_size`
    jobs are handed to the launcher at once.
    """

    # Set by `setup`, which Hydra calls first.
    config: DictConfig
    hydra_context: HydraContext
    launcher: Launcher

    def __init__(self, *, max_batch_size: int | None, params: DictConfig) -> None:
        self.max_batch_size = max_batch_size
        self.params = params

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher; raises HydraException where a job's folder is not its number."""
        sweep = cast("dict[str, Any]", OmegaConf.to_container(config.hydra.sweep, resolve=False))
        if sweep["subdir"] != NUMBERED:
            raise HydraException("hydra.sweep.subdir is a number, by which a job is found again; set hydra.sweep.dir=")
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        """Run what is missing or failed, of all combinations."""
        from ser_lightning.multirun_places import place_jobs, running_alone
        from ser_lightning.run_state import RunState

        folder = Path(self.config.hydra.sweep.dir)
        jobs = self._combinations(arguments)
        with _told_by_hydra(), running_alone(folder):
            places = place_jobs(folder, [self._config_hash(job) for job in jobs])
            missing = {}
            for position, (job, place) in enumerate(zip(jobs, places, strict=True)):
                if place.same_as is not None:
                    _tell(place.number, job, f"the same as {' '.join(jobs[place.same_as])}, and run once")
                elif place.state is RunState.FINISHED:
                    _tell(place.number, job, f"finished already, in {folder / str(place.number)}")
                else:
                    missing[place.number] = jobs[position]
            return self._launched(folder, missing, len(jobs))

    def _combinations(self, arguments: list[str]) -> list[list[str]]:
        """The overrides of every job; raises HydraException for what a grid cannot have, such as `interval`."""
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        given = parser.parse_overrides(arguments)
        keys = {override.key_or_group for override in given}
        params = parser.parse_overrides([f"{key!s}={value}" for key, value in self.params.items() if key not in keys])
        [jobs] = BasicSweeper.split_arguments([*params, *given], max_batch_size=None)
        return jobs

    def _config_hash(self, overrides: list[str]) -> str | None:
        """The hash of a job's config, None where it cannot be resolved here; raises what Hydra raises."""
        from ser_lightning.config import plain
        from ser_lightning.run_state import config_hash

        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config):
            del config["hydra"]
        try:
            return config_hash(plain(config))
        except UserError:
            return None

    def _launched(self, folder: Path, jobs: dict[int, list[str]], num_jobs: int) -> list[JobReturn]:
        """Run jobs by the number of their folder."""
        from ser_lightning.run_state import RunState, run_state
        from ser_lightning.stopping import StopRequest

        numbers, returns = list(jobs), list[JobReturn]()
        size = self.max_batch_size or max(1, len(jobs))
        with StopRequest().listening():  # a signal ends the multirun here, and each job by its own ears
            for start in range(0, len(jobs), size):
                batch = [[*jobs[number], *_place(folder, number)] for number in numbers[start : start + size]]
                returns += self._launched_batch(batch, start)
        common = set.intersection(*map(set, jobs.values())) if len(jobs) > 1 else set[str]()
        failed = [
            FailedJob(
                number, [word for word in jobs[number] if word not in common], job._return_value
            )  # `return_value` would raise it
            for number, job in zip(numbers, returns, strict=True)
            if job.status is not JobStatus.COMPLETED and run_state(folder / str(number)) is not RunState.FINISHED
        ]
        if failed:
            # Hydra comes to that only where nothing is raised.
            self.hydra_context.callbacks.on_multirun_end(config=self.config, config_name=None)
            raise RunFailedError(failure_message(failed, num_jobs))
        return returns

    def _launched_batch(self, batch: Sequence[Sequence[str]], start: int) -> Sequence[JobReturn]:
        """What became of each job; where the launcher itself failed, as when a process was killed, all have failed."""
        try:
            return self.launcher.launch(batch, initial_job_idx=start)
        except Exception as error:
            traceback.print_exc()
            return [JobReturn(overrides=job[:-2], status=JobStatus.FAILED, _return_value=error) for job in batch]


def _place(folder: Path, number: int) -> list[str]:
    """Overrides for the folder of a job: one multirun has one folder, whatever a job's `name` is."""
    quoted = str(folder).replace("\\", "\\\\").replace("'", "\\'")
    return [f"hydra.sweep.dir='{quoted}'", f"hydra.sweep.subdir={number}"]


@contextmanager
def _told_by_hydra() -> Iterator[None]:
    """A UserError before any job as Hydra's own, since one of a job means another exit code."""
    try:
        yield
    except UserError as error:
        raise HydraException(str(error)) from None


def _tell(number: int, overrides: Sequence[str], what: str) -> None:
    out.print(f"\n=== job {number}: {' '.join(overrides)}: {what}", markup=False)
