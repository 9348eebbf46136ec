"""What the report reads of a run directory; everything on the page comes from here but the examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import ADVICE
from ser_lightning.evaluation.run_shape import misfits, scores_problems
from ser_lightning.evaluation.runs import FinishedRun, read_checked, read_scored
from ser_lightning.files import read_table

PARTS = ("test", "val", "train")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the page needs of a run directory; `part` is the one whose scores are shown large."""

    finished: FinishedRun
    part: str
    predictions: pl.DataFrame
    log: pl.DataFrame | None
    leaks: Mapping[str, Mapping[str, int]]

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The contents of metrics.json."""
        return self.finished.metrics

    @property
    def config(self) -> Mapping[str, Any]:
        """The contents of config.yaml; empty where there is none."""
        return self.finished.config

    @property
    def labels(self) -> Sequence[str]:
        """The classes in their order."""
        return self.finished.labels

    @property
    def scores(self) -> Mapping[str, Any]:
        """The scores of the part."""
        scores: Mapping[str, Any] = self.metrics[self.part]
        return scores

    @property
    def temperature(self) -> float | None:
        """The temperature of the probabilities; None where there is none, or it changes nothing."""
        calibration = self.metrics.get("calibration") or {"before": {}}
        temperature: float = calibration["temperature"] if self.part in calibration["before"] else 1.0
        return None if temperature == 1.0 else temperature


def read_run(run_dir: Path) -> Run:
    """Read the files of a finished run; log.csv, config.yaml and leaks.json may be missing, as after `evaluate`.

    Raises UserError where the run lacks the metrics or the predictions that the page is about, or where a file is
    damaged or foreign.
    """
    finished = read_scored(run_dir)
    part = next((part for part in PARTS if finished.metrics.get(part)), None)
    if part is None:
        raise UserError(f"{run_dir / 'metrics.json'} scores none of {', '.join(PARTS)}; `evaluate` the run")
    scored = [name for name in PARTS if finished.metrics.get(name)]
    wrong = [text for name in scored for text in scores_problems(finished.metrics[name], list(finished.labels), name)]
    if wrong:
        raise UserError(f"{run_dir / 'metrics.json'} is not that of a run: {'; '.join(wrong)}; {ADVICE}")
    return Run(
        finished=finished,
        part=part,
        predictions=finished.predictions(part),
        log=_log(run_dir / "log.csv"),
        leaks=_leaks(run_dir / "leaks.json"),
    )


def _log(path: Path) -> pl.DataFrame | None:
    """The rows of log.csv, all of them numbers or empty; None where there is none."""
    if not path.exists():
        return None
    try:
        log = read_table(path)
        numbers = log.cast(pl.Float64)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path} cannot be read ({str(error).splitlines()[0]}); {ADVICE}") from error
    if "epoch" not in numbers.columns or numbers["epoch"].has_nulls():
        raise UserError(f"{path} must have a column epoch, with a number in every row; {ADVICE}")
    return log


def _leaks(path: Path) -> Mapping[str, Mapping[str, int]]:
    """What the parts share by kind and pair; empty where the run has not looked."""
    if not path.exists():
        return {}
    leaks, wrong = read_checked(path, json.loads, _leaks_problems)
    if wrong:
        raise UserError(wrong)
    shared: Mapping[str, Mapping[str, int]] = leaks["shared"]
    return shared


def _leaks_problems(leaks: Any) -> list[str]:
    wrong = list(misfits(leaks, {"shared": {"speakers": dict}}, "leaks"))
    return wrong or list(misfits(leaks["shared"], dict.fromkeys(leaks["shared"], dict), "leaks.shared"))
