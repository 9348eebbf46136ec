"""Finished runs as they lie on disk: what every command that takes a run directory reads of it.

Only plain files are read here, no checkpoint: a predictions table and its protocol are enough to score, compare and
stack runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import read_predictions


@dataclass(frozen=True)
class FinishedRun:
    """A run directory with its config.yaml and metrics.json."""

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
        """The predictions table of a part; raises UserError where there is none."""
        if not self.has(part):
            raise UserError(f"{self.path} has no predictions of its {part} part; train it again, or name another run")
        return read_predictions(self.path / "predictions" / f"{part}.csv")


def read_finished(path: Path) -> FinishedRun:
    """Read a run directory; raises UserError where it is none, or not finished."""
    if not path.is_dir():
        raise UserError(f"{path}: there is no such folder; name a run directory, such as outputs/demo/latest")
    metrics, config = path / "metrics.json", path / "config.yaml"
    missing = [file.name for file in (metrics, config) if not file.exists()]
    if missing:
        raise UserError(f"{path} is no finished run: it has no {' and no '.join(missing)}; train it to the end")
    return FinishedRun(
        path, yaml.safe_load(config.read_text(encoding="utf-8")), json.loads(metrics.read_text(encoding="utf-8"))
    )


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
            problems.append(f"{folder} {why}; name a run directory, or the folder of a multirun")
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
