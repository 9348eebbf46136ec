"""Finished runs put together: the folds of a seed to one table that tests every clip once, and seeds side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from ser_lightning.errors import UserError
from ser_lightning.evaluation.comparison_names import Settings, identity, settings_of
from ser_lightning.evaluation.comparison_protocols import PooledProtocol, run_facts, tested_on
from ser_lightning.evaluation.runs import FinishedRun, find_runs, read_finished


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The test tables of runs that differ in no more than seed and fold: by seed, one a fold, in order of the folds.

    `folds` names them; it is empty where there are none. All seeds test the same clips; `left_out` names those that
    have fewer folds than others.
    """

    title: str
    settings: Settings
    labels: tuple[str, ...]
    protocol: PooledProtocol
    folds: tuple[int, ...]
    tests: dict[int, tuple[pl.DataFrame, ...]]
    left_out: tuple[str, ...]

    @property
    def pooled(self) -> list[pl.DataFrame]:
        """The clips of all folds, sorted, of each seed."""
        return [pl.concat(tables, how="vertical_relaxed").sort("clip") for tables in self.tests.values()]


Slots = dict[tuple[int, int | None], FinishedRun]
"""The runs of a configuration by seed and fold."""


def read_configurations(folders: Iterable[str]) -> list[Configuration]:
    """The configurations of all finished runs that `folders` name (run directories, folders of multiruns).

    Raises UserError, for all of them at once, where a folder holds none, a run has no test predictions, two are of the
    same configuration, seed and fold, or folds test a clip twice.
    """
    named = list(folders)
    if not named:
        raise UserError("runs=[] names none; give the folder of a multirun, or run directories")
    paths = dict.fromkeys(path.resolve() for path in find_runs(named))
    runs = [read_finished(path) for path in paths]
    problems = [
        f"{run.path} has no predictions/test.csv: only tested runs are compared" for run in runs if not run.has("test")
    ]
    if problems:
        raise UserError(problems)
    return put_together(runs)


def put_together(runs: Sequence[FinishedRun]) -> list[Configuration]:
    """The configurations of runs that have test predictions; raises UserError."""
    groups: dict[tuple[str, str], list[FinishedRun]] = defaultdict(list)
    for run in runs:
        groups[identity(_settings(run)), identity(run_facts(run.protocol))].append(run)
    made, problems = [], list[str]()
    for group in groups.values():
        try:
            made.append(_configuration(_by_seed_and_fold(group)))
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return made


def _settings(run: FinishedRun) -> Settings:
    """Those of its config; a fold that was evaluated again (`run`) is still a fold of its configuration."""
    settings = settings_of(run.config)
    return {key: value for key, value in settings.items() if key != "run" or run.protocol["split_fold"] is None}


def _by_seed_and_fold(runs: Sequence[FinishedRun]) -> Slots:
    found: dict[tuple[int, int | None], list[FinishedRun]] = defaultdict(list)
    for run in runs:
        found[int(run.config.get("seed") or 0), run.protocol["split_fold"]].append(run)
    problems = [
        f"runs of the same configuration, seed and fold: {', '.join(str(run.path) for run in same)}; name one of them"
        for same in found.values()
        if len(same) > 1
    ]
    if problems:
        raise UserError(problems)
    return {slot: same[0] for slot, same in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or 0))}


def _configuration(slots: Slots) -> Configuration:
    """Only the seeds with the most folds are kept, so that all of them test the same clips."""
    folds_of: dict[int, list[int | None]] = defaultdict(list)
    for seed, fold in slots:
        folds_of[seed].append(fold)
    folds = max(folds_of.values(), key=len)
    kept = [seed for seed, of_seed in folds_of.items() if of_seed == folds]
    first = [slots[kept[0], fold] for fold in folds]
    tests = {seed: tuple(slots[seed, fold].predictions("test") for fold in folds) for seed in kept}
    _check_clips(tests, first)
    protocols = [run.protocol for run in first]
    left_out = [
        f"seed {seed} is left out: of folds {_listed(folds)} it has finished only {_listed(of_seed)}"
        for seed, of_seed in folds_of.items()
        if seed not in kept
    ]
    return Configuration(
        title=str(first[0].config.get("name") or first[0].path.name),
        settings=_settings(first[0]),
        labels=first[0].labels,
        protocol=tested_on(protocols, pl.concat(tests[kept[0]], how="vertical_relaxed")),
        folds=tuple(fold for fold in folds if fold is not None),
        tests=tests,
        left_out=tuple(left_out),
    )


def _check_clips(tests: dict[int, tuple[pl.DataFrame, ...]], runs: Sequence[FinishedRun]) -> None:
    """Raise UserError where a clip is tested twice, or a seed tests other clips than the first."""
    rows = {seed: pl.concat([table.select("clip", "label") for table in of_seed]) for seed, of_seed in tests.items()}
    where = ", ".join(str(run.path) for run in runs)
    first = next(iter(rows.values()))
    if twice := first.filter(first["clip"].is_duplicated())["clip"].unique().sort().to_list():
        raise UserError(f"{len(twice)} clips are tested in several folds of {where}, such as {twice[0]}; name one fold")
    others = [seed for seed, table in rows.items() if not table.sort("clip").equals(first.sort("clip"))]
    if others:
        raise UserError(
            f"seed {_listed(others)} tests other clips than {where}, under the same protocol: the data changed in "
            "between; train them anew, or compare them one by one"
        )


def _listed(numbers: Sequence[int | None]) -> str:
    return ", ".join(map(str, numbers))
