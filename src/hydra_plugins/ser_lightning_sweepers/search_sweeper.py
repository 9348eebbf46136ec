"""`+sweep=search`: a search by Optuna, asked for points and told what came of them, in batches of jobs.

A thin adapter: what a space, a study and a result are stands in `ser_lightning.search`. Hydra's own plug-in for Optuna
stays with Optuna 2 until Hydra 1.4. Hydra imports this file before every command, so it imports nothing heavy at the
top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.ser_lightning_sweepers.launching import (
    before_any_job,
    job_config,
    launched,
    make_launcher,
    raise_failed,
)
from ser_lightning.job_failures import FailedJob
from ser_lightning.launchers import jobs_at_once

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from ser_lightning.search.study import Point, Search


BRINGERS = ("experiment", "sweep")
"""Groups whose options only set what others hold."""


class Plan(NamedTuple):
    """The overrides of every trial, and the space that they leave."""

    fixed: list[str]
    space: Mapping[str, BaseDistribution]


class SearchSweeper(Sweeper):
    """Runs trials until there are `n_trials`, `max_batch_size` at a time; raises RunFailedError where some failed.

    `params` are replaced, key by key, by ranges and values of the command line. See conf/sweep/search.yaml.
    """

    # Set by `setup`, which Hydra calls first.
    config: DictConfig
    hydra_context: HydraContext
    launcher: Launcher

    def __init__(
        self,
        *,
        n_trials: int,
        max_batch_size: int | None,
        objectives: DictConfig,
        sampler: DictConfig,
        pruner: DictConfig,
        storage: str | None,
        study: str | None,
        params: DictConfig,
    ) -> None:
        self.n_trials, self.max_batch_size, self.storage, self.study = n_trials, max_batch_size, storage, study
        self.objectives, self.sampler, self.pruner, self.params = map(_plain, (objectives, sampler, pruner, params))

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher; raises HydraException where a job's folder is not its number."""
        self.hydra_context = hydra_context
        self.config = config
        self.launcher = make_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> list[JobReturn]:
        """Run what the study lacks, and tell what was found."""
        from ser_lightning.multirun_places import running_alone
        from ser_lightning.stopping import StopRequest

        folder = Path(self.config.hydra.sweep.dir)
        with before_any_job(), running_alone(folder):
            plan = self._plan(arguments)
            search = self._search(plan, folder)
            with StopRequest().listening():  # a signal ends the search here, and each trial by its own ears
                returns, failed = self._run(search, plan.fixed, folder)
        self._tell(search, plan.fixed, folder)
        raise_failed(failed, len(returns), self.hydra_context, self.config)
        return returns

    def _plan(self, arguments: list[str]) -> Plan:
        """What is to be searched; raises UserError with all that is wrong, before any trial."""
        from ser_lightning.errors import UserError, noted
        from ser_lightning.search.methods import make_pruner, make_sampler
        from ser_lightning.search.objectives import check_objectives

        problems = list[str]()
        fixed, space = list[str](), dict[str, Any]()
        with noted(problems):
            fixed, space = self._space(arguments)
        with noted(problems):
            make_pruner(self.pruner)
        with noted(problems):
            make_sampler(self.sampler, num_before=0)
        with noted(problems):
            check_objectives(self.objectives, pruned=self.pruner.get("name") != "none")
        if self.n_trials < 1 or (self.max_batch_size is not None and self.max_batch_size < 1):
            problems.append("hydra.sweeper.n_trials and max_batch_size: 1 or more")
        problems += self._config_problems(fixed, space)
        if problems:
            raise UserError(dict.fromkeys(problems))
        return Plan(fixed, space)

    def _config_problems(self, fixed: list[str], space: Mapping[str, BaseDistribution]) -> list[str]:
        """What is wrong with the config at the corners of the space."""
        from ser_lightning.build import check
        from ser_lightning.config import TrainSettings
        from ser_lightning.errors import noted
        from ser_lightning.search.space import corners, overrides

        problems = list[str]()
        for point in corners(space):
            with noted(problems):
                check(job_config(self.hydra_context, self.config, [*fixed, *overrides(point)]), TrainSettings)
        return problems

    def _search(self, plan: Plan, folder: Path) -> Search:
        """The study in its storage, opened or begun; raises UserError where it is of something else."""
        from ser_lightning.run_state import config_hash
        from ser_lightning.search.methods import make_pruner, make_sampler
        from ser_lightning.search.space import corners, overrides
        from ser_lightning.search.study import Search, open_storage
        from ser_lightning.search.trial import StudyFile, write_study_file

        folder.mkdir(parents=True, exist_ok=True)
        url, name = self.storage or f"sqlite:///{folder.resolve() / 'study.db'}", self.study or folder.name
        one = job_config(self.hydra_context, self.config, [*plan.fixed, *overrides(corners(plan.space)[0])])
        search = Search(
            open_storage(url),
            name=name,
            folder=folder,
            space=plan.space,
            directions=list(self.objectives.values()),
            settings={
                "space": {key: repr(value) for key, value in sorted(plan.space.items())},
                "objectives": self.objectives,
                "configuration": config_hash(one),
            },
            num_trials=self.n_trials,
        )
        search.use(make_sampler(self.sampler, num_before=len(search.trials)), make_pruner(self.pruner))
        write_study_file(folder, StudyFile(url, name, self.objectives, self.pruner))
        return search

    def _space(self, arguments: list[str]) -> tuple[list[str], dict[str, BaseDistribution]]:
        """What the command line fixes, and the space that it leaves."""
        from hydra_plugins.ser_lightning_sweepers.ranges import distribution
        from ser_lightning.errors import UserError
        from ser_lightning.search.space import read_space

        given = OverridesParser.create(config_loader=self.hydra_context.config_loader).parse_overrides(arguments)
        keys = {override.key_or_group for override in given}
        space = read_space({key: node for key, node in self.params.items() if key not in keys})
        fixed = []
        for override in given:
            if override.is_sweep_override():
                space[override.get_key_element()] = distribution(override)
            else:
                fixed.append(str(override.input_line))
        if not space:
            raise UserError("hydra.sweeper.params is empty: give a range, such as optimizer.lr='interval(1e-4,1e-2)'")
        return fixed, space

    def _run(self, search: Search, fixed: list[str], folder: Path) -> tuple[list[JobReturn], list[FailedJob]]:
        """Run what was broken off, then new trials until there are enough."""
        returns, failed = list[JobReturn](), list[FailedJob]()
        size = self.max_batch_size or self._jobs_at_once()
        waiting = search.begin()
        while points := waiting[:size] or search.next_points(size):
            waiting = waiting[size:]
            done = self._run_batch(points, fixed, folder, first=len(returns))
            told = (_told(search, folder, self.objectives, point, job) for point, job in zip(points, done, strict=True))
            failed += [job for job in told if job is not None]
            returns += done
        return returns, failed

    def _run_batch(self, points: Sequence[Point], fixed: list[str], folder: Path, *, first: int) -> Sequence[JobReturn]:
        from ser_lightning.search.space import overrides

        jobs = {point.number: [*fixed, *overrides(point.params), f"trial={point.number}"] for point in points}
        return launched(self.launcher, folder, jobs, first)

    def _jobs_at_once(self) -> int:
        """The processes that the launcher has on this machine; Hydra's own launcher has none."""
        if self.config.hydra.runtime.choices["hydra/launcher"] == "basic":
            return 1
        jobs = OmegaConf.select(self.config, "hydra.launcher.n_jobs")
        return int(jobs) if jobs is not None and jobs > 0 else jobs_at_once()

    def _tell(self, search: Search, fixed: list[str], folder: Path) -> None:
        """Print the trials and leave the config of the best; of several objectives, of all that none other beats."""
        from ser_lightning.search.found import best_trials, experiment_names, importances, tell_best, trials_table
        from ser_lightning.terminal import out, print_table

        out.print(f"\n=== search {folder.name}: {search.num_finished} of {search.num_trials} trials", markup=False)
        print_table(out, trials_table(search, list(self.objectives)))
        if search.exhausted and search.num_finished < search.num_trials:
            out.print("every point of the space was tried, so there are no more trials")
        if shares := importances(search):
            out.print("importance: " + ", ".join(f"{key} {share:.0%}" for key, share in shares.items()), markup=False)
        best = best_trials(search)
        for trial, name in zip(best, experiment_names(best), strict=True):
            run_dir, groups = folder / str(trial.number), self._groups(fixed, trial.params)
            tell_best(trial, name, run_dir, list(self.objectives), groups)

    def _groups(self, fixed: list[str], params: Mapping[str, Any]) -> dict[str, str]:
        """The option of each of our groups in a trial's config."""
        from ser_lightning.search.space import overrides

        composed = self.hydra_context.config_loader.load_sweep_config(self.config, [*fixed, *overrides(params)])
        choices = composed.hydra.runtime.choices.items()
        return {
            str(group): str(option)
            for group, option in choices
            if option is not None and "/" not in group and group not in BRINGERS
        }


def _told(
    search: Search, folder: Path, objectives: Mapping[str, Any], point: Point, job: JobReturn
) -> FailedJob | None:
    """Have the study know what became of a trial; the failure, where it is one."""
    from ser_lightning.errors import RunFailedError
    from ser_lightning.search.objectives import objective_values
    from ser_lightning.search.space import overrides
    from ser_lightning.search.study import PRUNED

    error = job._return_value  # `return_value` would raise it
    if job.status is JobStatus.COMPLETED:
        if search.state(point.number) is PRUNED:
            return None
        try:
            search.complete(point.number, objective_values(folder / str(point.number), objectives))
            return None
        except (RunFailedError, OSError) as unread:
            error = unread
    search.fail(point.number)
    return FailedJob(point.number, overrides(point.params), error)


def _plain(node: DictConfig) -> dict[str, Any]:
    values: dict[str, Any] = OmegaConf.to_container(node, resolve=True)  # type: ignore[assignment]
    return values
