"""`hydra/sweeper=grid`: every combination of the values given, as Hydra's own sweeper has them, with three differences.

What an earlier command has finished is not run again; a job that fails stops no other, whatever the launcher; and all
that failed are listed at the end, after the comparison of the runs that are finished. Hydra imports this file before
every command, so it imports nothing heavy at the top.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_plugins.ser_lightning_sweepers.launching import (
    before_any_job,
    job_config,
    launched,
    make_launcher,
    raise_failed,
)
from ser_lightning.errors import UserError
from ser_lightning.job_failures import FailedJob
from ser_lightning.terminal import out


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
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = make_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        """Run what is missing or failed, of all combinations."""
        from ser_lightning.multirun_places import place_jobs, running_alone
        from ser_lightning.run_state import RunState

        folder = Path(self.config.hydra.sweep.dir)
        jobs = self._combinations(arguments)
        with before_any_job(), running_alone(folder):
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
        from ser_lightning.run_state import config_hash

        try:
            return config_hash(job_config(self.hydra_context, self.config, overrides))
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
                batch = {number: jobs[number] for number in numbers[start : start + size]}
                returns += launched(self.launcher, folder, batch, start)
        common = set.intersection(*map(set, jobs.values())) if len(jobs) > 1 else set[str]()
        failed = [
            FailedJob(
                number, [word for word in jobs[number] if word not in common], job._return_value
            )  # `return_value` would raise it
            for number, job in zip(numbers, returns, strict=True)
            if job.status is not JobStatus.COMPLETED and run_state(folder / str(number)) is not RunState.FINISHED
        ]
        raise_failed(failed, num_jobs, self.hydra_context, self.config)
        return returns


def _tell(number: int, overrides: Sequence[str], what: str) -> None:
    out.print(f"\n=== job {number}: {' '.join(overrides)}: {what}", markup=False)
