"""The members of a stack: finished runs, or all the folds of one configuration, that tell of the same clips.

A meta-learner compares members clip by clip. So their classes, rate and clips must be the same, and folds complete:
whatever is not so is told in one message, before anything is fitted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ser_lightning.errors import UserError
from ser_lightning.evaluation.comparison_names import Settings, differing_keys, settings_of
from ser_lightning.evaluation.runs import FinishedRun, find_runs, read_finished
from ser_lightning.run_names import CHECKPOINT, STACK_FILE


@dataclass(frozen=True)
class Member:
    """One model to stack: a single run, or with `over_folds` the runs of its folds from the first to the last."""

    name: str
    runs: tuple[FinishedRun, ...]
    over_folds: bool

    @property
    def first(self) -> FinishedRun:
        """The run that stands for what all of them share."""
        return self.runs[0]


def read_members(entries: Sequence[str]) -> list[Member]:
    """The members that `entries` name: run directories, or folders of multiruns over folds.

    Raises UserError with all that keeps each of them from being stacked.
    """
    if len(entries) < 2:
        raise UserError(f"a stack needs two members or more, got {len(entries)}: runs=[outputs/a/latest,multirun/b]")
    problems = [f"{path} is named twice; name each member once" for path in _twice(entries)]
    members = []
    for entry in dict.fromkeys(entries):
        try:
            members.append(_read_member(entry))
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return _named_apart(members, entries)


def _read_member(entry: str) -> Member:
    runs = [_read_run(path) for path in find_runs([entry])]
    of_folds = len(runs) > 1 or (runs[0].path != Path(entry) and runs[0].protocol["split_folds"] is not None)
    name = str(runs[0].config["name"])
    return Member(name, _in_folds(entry, runs) if of_folds else tuple(runs), of_folds)


def _read_run(path: Path) -> FinishedRun:
    """A run with all that a stack needs of it."""
    if (path / STACK_FILE).exists():
        raise UserError(f"{path} is a stack itself; name its members instead, they are in its {STACK_FILE}")
    run = read_finished(path)
    if "run" in run.config:
        raise UserError(f"{path} is an evaluation and has no model: name the run that was trained, {run.config['run']}")
    missing = [f"predictions/{part}.csv" for part in ("val", "test") if not run.has(part) or part not in run.metrics]
    missing += [str(name) for name in (Path("split.csv"), CHECKPOINT) if not (path / name).exists()]
    if missing:
        raise UserError(f"{path} has no {' and no '.join(missing)}: a stack needs runs that were trained to the end")
    return run


def _in_folds(entry: str, runs: Sequence[FinishedRun]) -> tuple[FinishedRun, ...]:
    """The runs of a multirun in the order of their folds; UserError unless these are all folds, once, of one config."""
    folds = [run.protocol["split_fold"] for run in runs]
    if None in folds:
        raise UserError(
            f"{entry} holds {len(runs)} runs that are not the folds of one split (the split of "
            f"{runs[folds.index(None)].path} has none); name one run, or a multirun over split.fold"
        )
    wanted = range(1, runs[0].protocol["split_folds"] + 1)
    differing = sorted(differing_keys([_settings(run) for run in runs]))
    missing = [str(fold) for fold in wanted if fold not in folds]
    repeated = [str(fold) for fold, times in sorted(Counter(folds).items()) if times > 1]
    problems = []
    if differing:
        problems.append(f"{entry} holds runs of several configurations, which differ in {', '.join(differing)}")
    if repeated:
        problems.append(f"{entry} holds fold {', '.join(repeated)} more than once")
    if missing:
        problems.append(f"{entry} lacks fold {', '.join(missing)} of {len(wanted)}: -m split.fold={','.join(missing)}")
    if problems:
        raise UserError([f"{problem}; each fold of one configuration is needed, once" for problem in problems])
    return tuple(sorted(runs, key=lambda run: int(run.protocol["split_fold"])))


def _settings(run: FinishedRun) -> Settings:
    """What must be the same in all folds: the configuration, as `summarize` knows it, and what chance is drawn from."""
    drawn = {"seed": run.config.get("seed"), "split.seed": run.protocol["split_seed"]}
    return {**settings_of(run.config), **drawn}


def _twice(entries: Sequence[str]) -> list[str]:
    paths = [Path(entry).resolve() for entry in entries]
    return list(dict.fromkeys(entry for entry, path in zip(entries, paths, strict=True) if paths.count(path) > 1))


def _named_apart(members: Sequence[Member], entries: Sequence[str]) -> list[Member]:
    """The members by their runs' names; where two share one, by their folders' names, or all by their paths."""
    choices = ([member.name for member in members], [Path(entry).name for entry in entries], list(entries))
    names = next(names for names in choices if len(set(names)) == len(names))
    return [replace(member, name=name) for member, name in zip(members, names, strict=True)]
