"""Finished runs put together: the folds of a seed to one table that tests every clip once, and seeds side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ser_lightning.errors import UserError
from ser_lightning.evaluation.comparison_names import Settings, identity, settings_of
from ser_lightning.evaluation.comparison_protocols import PooledProtocol, run_facts, tested_on
from ser_lightning.evaluation.comparison_training import Repetition, is_gone, seed_of, training_of
from ser_lightning.evaluation.runs import FinishedRun, find_runs, read_all


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The test tables of runs that differ in no more than seed and fold: by repetition, one a fold, in their order.

    `folds` names them; it is empty where there are none. All repetitions test the same clips; `left_out` names those
    that have other folds, and says what else is not as it seems. `notes` are those of the runs, each once.
    """

    title: str
    settings: Settings
    labels: tuple[str, ...]
    protocol: PooledProtocol
    folds: tuple[int, ...]
    tests: dict[Repetition, tuple[pl.DataFrame, ...]]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def pooled(self) -> list[pl.DataFrame]:
        """The clips of all folds, sorted, of each repetition."""
        return [pl.concat(tables, how="vertical_relaxed").sort("clip") for tables in self.tests.values()]


Slots = dict[tuple[Repetition, int | None], FinishedRun]
"""The runs of a configuration by repetition and fold."""


def read_configurations(folders: Iterable[str]) -> list[Configuration]:
    """The configurations of all finished runs that `folders` name (run directories, folders of multiruns).

    Raises UserError, for all of them at once, where a folder holds none, a run has no test predictions, two are of the
    same configuration, seed and fold, or folds test a clip twice.
    """
    named = list(folders)
    if not named:
        raise UserError("runs=[] names none; give the folder of a multirun, or run directories")
    paths = dict.fromkeys(path.resolve() for path in find_runs(named))
    runs = read_all(paths)
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
            made.append(_configuration(_by_repetition_and_fold(group)))
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return made


def _settings(run: FinishedRun) -> Settings:
    """Those of its config; where another corpus was evaluated, with those of what the model was trained on."""
    trained = training_of(run)
    return {**settings_of(run.config), **(trained.settings if trained else {})}


def _slot(run: FinishedRun) -> tuple[Repetition, int | None]:
    trained = training_of(run)
    return Repetition(seed_of(run), trained.fold if trained else None), run.protocol["split_fold"]


def _by_repetition_and_fold(runs: Sequence[FinishedRun]) -> Slots:
    found: dict[tuple[Repetition, int | None], list[FinishedRun]] = defaultdict(list)
    for run in runs:
        found[_slot(run)].append(run)
    problems = [
        f"runs of the same configuration, seed and fold: {', '.join(str(run.path) for run in same)}; name one of them"
        f"{_gone(same)}"
        for same in found.values()
        if len(same) > 1
    ]
    if problems:
        raise UserError(problems)
    return {slot: found[slot][0] for slot in sorted(found, key=lambda slot: (_order(slot[0]), slot[1] or 0))}


def _gone(runs: Sequence[FinishedRun]) -> str:
    """A hint where the folds that models were trained on could tell their evaluations apart."""
    if len({run.config.get("run") for run in runs}) == 1 or not any(is_gone(run) for run in runs):
        return ""
    return " (the runs that they evaluate are not where config.yaml says, so the folds of these are not known)"


def _order(repetition: Repetition) -> tuple[int, int]:
    return repetition.seed, repetition.trained_fold or 0


def _configuration(slots: Slots) -> Configuration:
    """Only the repetitions with the most folds are kept, so that all of them test the same clips."""
    folds_of: dict[Repetition, list[int | None]] = defaultdict(list)
    for repetition, fold in slots:
        folds_of[repetition].append(fold)
    folds = max(folds_of.values(), key=len)
    kept = [repetition for repetition, of_it in folds_of.items() if of_it == folds]
    first = [slots[kept[0], fold] for fold in folds]
    tests = {of: tuple(slots[of, fold].predictions("test") for fold in folds) for of in kept}
    _check_clips(tests, first)
    used = [slots[of, fold].protocol for of in kept for fold in folds]
    return Configuration(
        title=str(first[0].config.get("name") or first[0].path.name),
        settings=_settings(first[0]),
        labels=first[0].labels,
        protocol=tested_on([run.protocol for run in first], pl.concat(tests[kept[0]], how="vertical_relaxed")),
        folds=tuple(fold for fold in folds if fold is not None),
        tests=tests,
        left_out=(*_left_out(folds_of, kept), *_repeated(kept), *_unchecked(list(slots.values()))),
        notes=tuple(dict.fromkeys(note for protocol in used for note in protocol["notes"])),
    )


def _left_out(folds_of: Mapping[Repetition, list[int | None]], kept: Sequence[Repetition]) -> list[str]:
    others = f"{', '.join(map(str, kept))} ha{'s' if len(kept) == 1 else 've'} folds {_listed(folds_of[kept[0]])}"
    return [
        f"{repetition} is left out: it has finished fold{'s' * (len(folds) > 1)} {_listed(folds)}, where {others}"
        for repetition, folds in folds_of.items()
        if repetition not in kept
    ]


def _repeated(kept: Sequence[Repetition]) -> list[str]:
    folds = sorted({of.trained_fold for of in kept if of.trained_fold is not None})
    if len(folds) < 2:
        return []
    return [
        f"the models of the training's folds {_listed(folds)} are tested on the same clips: each counts as a "
        "repetition, as a seed does, and the scores are their means"
    ]


def _unchecked(runs: Sequence[FinishedRun]) -> list[str]:
    if len(runs) < 2 or not any(is_gone(run) and not run.config.get("split") for run in runs):
        return []
    return ["the runs that were evaluated are not where config.yaml says: that their training was alike is not checked"]


def _check_clips(tests: Mapping[Repetition, tuple[pl.DataFrame, ...]], runs: Sequence[FinishedRun]) -> None:
    """Raise UserError where a clip is tested twice, or a repetition tests other clips than the first."""
    rows = {of: pl.concat([table.select("clip", "label") for table in tables]) for of, tables in tests.items()}
    where = ", ".join(str(run.path) for run in runs)
    first = next(iter(rows.values()))
    if twice := first.filter(first["clip"].is_duplicated())["clip"].unique().sort().to_list():
        raise UserError(f"{len(twice)} clips are tested in several folds of {where}, such as {twice[0]}; name one fold")
    others = [str(of) for of, table in rows.items() if not table.sort("clip").equals(first.sort("clip"))]
    if others:
        raise UserError(
            f"{', '.join(others)} tests other clips than {where}, under the same protocol: the data changed in "
            "between; train them anew, or compare them one by one"
        )


def _listed(numbers: Sequence[int | None]) -> str:
    return ", ".join(map(str, numbers))
