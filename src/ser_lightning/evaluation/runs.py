"""Finished runs as they lie on disk: what every command that takes a run directory reads of it.

Only plain files are read here, no checkpoint: a predictions table and its protocol are enough to score, compare and
stack runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import ADVICE, read_predictions
from ser_lightning.evaluation.run_shape import config_problems, metrics_problems, with_later


@dataclass(frozen=True)
class FinishedRun:
    """A run directory with its config.yaml and metrics.json, which have the shape of `run_shape`."""

    path: Path
    config: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of the probabilities."""
        return tuple(self.metrics["labels"])

    @property
    def protocol(self) -> Mapping[str, Any]:
        """What the scores stand for."""
        protocol: Mapping[str, Any] = self.metrics["protocol"]
        return protocol

    def has(self, part: str) -> bool:
        """Whether there are predictions of a part."""
        return (self.path / "predictions" / f"{part}.csv").exists()

    def predictions(self, part: str) -> pl.DataFrame:
        """The predictions table of a part; raises UserError where there is none, or none of this run's classes."""
        path = self.path / "predictions" / f"{part}.csv"
        if not self.has(part):
            raise UserError(
                f"{self.path} has no predictions of its {part} part (predictions/{part}.csv); "
                "train it again, or name another run"
            )
        table = read_predictions(path, self.labels)
        if table.is_empty():
            raise UserError(f"{path} has no clips; {ADVICE}")
        scored = (self.metrics.get(part) or {}).get("clips", len(table))
        if scored != len(table):
            raise UserError(f"{path} has {len(table)} clips, but metrics.json scores {scored}; {ADVICE}")
        return table


def read_finished(path: Path) -> FinishedRun:
    """Read a run directory; raises UserError where it is none, not finished, or its files are damaged or foreign."""
    if not path.is_dir():
        raise UserError(f"{path}: there is no such folder; name a run directory, such as outputs/demo/latest")
    missing = [name for name in ("metrics.json", "config.yaml") if not (path / name).exists()]
    if "metrics.json" in missing and (within := _within(path)):
        raise UserError(
            f"{path} is no run directory, but a folder with {len(within)} of them; name one, such as {within[0]}"
        )
    if missing:
        raise UserError(f"{path} is no finished run: it has no {' and no '.join(missing)}; train it to the end")
    return read_scored(path)


def read_scored(path: Path) -> FinishedRun:
    """Read a run directory that may have lost its config, which then is empty.

    Raises UserError where it has no metrics.json, or its files are damaged or foreign.
    """
    files = path / "metrics.json", path / "config.yaml"
    if not files[0].exists():
        raise UserError(f"{files[0]} is missing, so {path} is no finished run; train to the end, or `evaluate` the run")
    metrics, wrong = read_checked(files[0], json.loads, metrics_problems)
    config, wrong_too = read_checked(files[1], yaml.safe_load, config_problems) if files[1].exists() else ({}, [])
    if wrong + wrong_too:
        raise UserError(wrong + wrong_too)
    return FinishedRun(path, config, {**metrics, "protocol": with_later(metrics["protocol"])})


def read_all(paths: Iterable[Path]) -> list[FinishedRun]:
    """Read each run directory; raises UserError with the problems of all of them."""
    runs, problems = [], list[str]()
    for path in paths:
        try:
            runs.append(read_finished(path))
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return runs


def read_checked(
    file: Path, parse: Callable[[str], Any], problems_of: Callable[[Any], list[str]]
) -> tuple[Any, list[str]]:
    """What `parse` makes of a file's text, and what is wrong with it: one message that names the file, or none."""
    try:
        content = parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        return None, [f"{file} cannot be read ({str(error).splitlines()[0]}); {ADVICE}"]
    problems = problems_of(content)
    return content, [f"{file} is not that of a run: {'; '.join(problems)}; {ADVICE}"] if problems else []


def find_runs(folders: Iterable[str]) -> list[Path]:
    """The run directories that `folders` name: each one itself, or, of a multirun, all finished ones within it.

    Raises UserError, for all of them at once, where a folder is missing or holds no finished run.
    """
    found: dict[Path, None] = {}
    problems = []
    for folder in map(Path, folders):
        within = [folder] if (folder / "metrics.json").exists() else _within(folder)
        if not within:
            why = "holds no finished run" if folder.is_dir() else "is no folder"
            star = " (a * is not expanded: leave it out)" if "*" in str(folder) else ""
            problems.append(f"{folder} {why}{star}; name a run directory, or the folder of a multirun")
        found |= dict.fromkeys(within)
    if problems:
        raise UserError(problems)
    return list(found)


def _within(folder: Path) -> list[Path]:
    """Finished runs at any depth, jobs in the order of their numbers; not what lies within another run."""
    found = {file.parent for file in folder.rglob("metrics.json")}
    runs = [path for path in found if found.isdisjoint(path.parents)]
    return sorted(
        runs, key=lambda path: [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in path.parts]
    )
