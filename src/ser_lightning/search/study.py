"""The trials of a search, as Optuna's storage keeps them: which to run next, and what became of them.

The storage is the only memory: whatever is killed, the same command reads there which trials are finished, which were
broken off and are taken up again, and how many are missing. A trial's number is that of its folder.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from ser_lightning.errors import UserError
from ser_lightning.search.objectives import Direction
from ser_lightning.search.space import Value, num_points

PRUNED = TrialState.PRUNED
FINISHED = (TrialState.COMPLETE, PRUNED)
FOLDER, SETTINGS, REPEATED, AGAIN = "folder", "settings", "repeats", "again"
"""User attributes: where a trial runs, what a study is of, which trial one repeats, and what one is to try again."""
TRIES = 20
"""So many times a sampler may propose what was tried before it is asked for a random point instead."""
PATIENCE_SECONDS = 60
"""How long a process waits for SQLite while others write."""


@dataclass(frozen=True)
class Point:
    """A trial to run: its number and its place in the space."""

    number: int
    params: dict[str, Value]


def open_storage(url: str) -> optuna.storages.RDBStorage:
    """Any storage of Optuna's by its URL; raises UserError where it cannot be opened."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    options = {"connect_args": {"timeout": PATIENCE_SECONDS}} if url.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        return optuna.storages.RDBStorage(url, engine_kwargs=options)
    except Exception as error:  # a driver that is missing, a server that is away: each raises its own
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UserError(f"hydra.sweeper.storage cannot be opened: {reason}") from error


class Search:
    """A study with the number of trials that it is to have; `folder` is where this process's trials run.

    `settings` say what is searched, in plain values: a study of other settings is refused. Raises UserError.
    """

    def __init__(
        self,
        storage: optuna.storages.RDBStorage,
        *,
        name: str,
        folder: Path,
        space: Mapping[str, BaseDistribution],
        directions: Sequence[Direction],
        settings: Mapping[str, Any],
        num_trials: int,
    ) -> None:
        self.space = dict(space)
        self.folder = str(folder.resolve())
        self.num_trials = num_trials
        self.failed_now = set[int]()
        self.study = optuna.create_study(
            storage=storage, study_name=name, directions=list(directions), load_if_exists=True
        )
        before = self.study.user_attrs.get(SETTINGS)
        if before is None:
            self.study.set_user_attr(SETTINGS, dict(settings))
        elif other := [key for key in settings if before.get(key) != settings[key]]:
            raise UserError(
                f"there is a search '{name}' already, with another {' and '.join(other)}; go on with it by its own "
                "command, or choose another name="
            )

    def use(self, sampler: BaseSampler, pruner: BasePruner) -> None:
        """Have new trials proposed and broken off by these."""
        self.study.sampler, self.study.pruner = sampler, pruner

    @property
    def trials(self) -> list[FrozenTrial]:
        """All of them, but those that only repeat another, or were broken off before their point was drawn."""
        return [
            trial
            for trial in self.study.get_trials(deepcopy=False)
            if REPEATED not in trial.user_attrs
            and (trial.state is TrialState.WAITING or trial.params.keys() == self.space.keys())
        ]

    @property
    def num_finished(self) -> int:
        """How many were completed or pruned."""
        return sum(trial.state in FINISHED for trial in self.trials)

    def begin(self) -> list[Point]:
        """The trials of this folder that were broken off, to be taken up; those that failed are lined up again."""
        stale = [
            Point(trial.number, dict(trial.params))
            for trial in self.trials
            if trial.state is TrialState.RUNNING and trial.user_attrs.get(FOLDER, self.folder) == self.folder
        ]
        for trial in self.trials:
            if trial.state is TrialState.FAIL and not self._tried(trial.params):
                self.study.enqueue_trial(trial.params, user_attrs={AGAIN: trial.params})
        return stale

    def next_points(self, most: int) -> list[Point]:
        """Up to `most` new trials; none where the search has all, or the space has no more points."""
        running = sum(trial.state is TrialState.RUNNING for trial in self.trials)
        missing = self.num_trials - self.num_finished - running - len(self.failed_now)
        points = []
        for _ in range(min(most, missing)):
            point = self._new_point()
            if point is None:
                break
            points.append(point)
        return points

    @property
    def exhausted(self) -> bool:
        """Whether every point of the space was tried, and none waits to be tried again."""
        total = num_points(self.space)
        states = {_key(trial.params): trial.state for trial in self.trials}
        return total is not None and TrialState.WAITING not in states.values() and len(states) >= total

    def complete(self, number: int, values: Sequence[float]) -> None:
        """A trial's objectives."""
        self.study.tell(number, list(values), skip_if_finished=True)

    def fail(self, number: int) -> None:
        """A trial that failed; it takes its place in this command, and is lined up again by the next."""
        self.failed_now.add(number)
        self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def state(self, number: int) -> TrialState:
        """What became of a trial."""
        return self.study.get_trials(deepcopy=False)[number].state

    def _new_point(self) -> Point | None:
        """A trial at a point that no other has; None where there is no such point."""
        sampler = self.study.sampler
        try:
            for attempt in range(50 * TRIES):
                if self.exhausted:
                    return None
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    trial = self.study.ask(self.space)
                trial.set_user_attr(FOLDER, self.folder)
                earlier = self._tried(trial.params, but=trial.number)
                if earlier is None:
                    return Point(trial.number, dict(trial.params))
                trial.set_user_attr(REPEATED, earlier)
                self.study.tell(trial, state=TrialState.FAIL)
                if attempt == TRIES:
                    self.study.sampler = RandomSampler(seed=trial.number)
        finally:
            self.study.sampler = sampler
        return None

    def _tried(self, params: Mapping[str, Value], *, but: int | None = None) -> int | None:
        """The number of another trial of the same params; failed ones of an earlier command count as none."""
        key = _key(params)
        for trial in self.trials:
            failed_before = trial.state is TrialState.FAIL and trial.number not in self.failed_now
            if trial.number != but and not failed_before and _key(_params(trial)) == key:
                return trial.number
        return None


def _params(trial: FrozenTrial) -> Mapping[str, Value]:
    """Its params; those that it is to have, where it waits."""
    params: Mapping[str, Value] = trial.params or trial.user_attrs.get(AGAIN, {})
    return params


def _key(params: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    return tuple(sorted(params.items()))
