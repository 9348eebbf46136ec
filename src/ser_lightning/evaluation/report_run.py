"""What the report reads of a run directory; everything on the page comes from here but the examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ser_lightning.errors import UserError

PARTS = ("test", "val", "train")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the page needs of a run directory; `part` is the one whose scores are shown large."""

    metrics: Mapping[str, Any]
    part: str
    predictions: pl.DataFrame
    log: pl.DataFrame | None
    config: Mapping[str, Any]
    leaks: Mapping[str, Mapping[str, int]]

    @property
    def labels(self) -> Sequence[str]:
        """The classes in their order."""
        labels: Sequence[str] = self.metrics["labels"]
        return labels

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

    Raises UserError where the run lacks the metrics or the predictions that the page is about.
    """
    metrics = json.loads(_present(run_dir / "metrics.json").read_text(encoding="utf-8"))
    part = next((part for part in PARTS if metrics.get(part)), None)
    if part is None:
        raise UserError(f"{run_dir / 'metrics.json'} scores none of {', '.join(PARTS)}; `evaluate` the run")
    log, config, leaks = (run_dir / name for name in ("log.csv", "config.yaml", "leaks.json"))
    return Run(
        metrics=metrics,
        part=part,
        predictions=_read_predictions(_present(run_dir / "predictions" / f"{part}.csv"), metrics["labels"]),
        log=_read_csv(log) if log.exists() else None,
        config=yaml.safe_load(config.read_text(encoding="utf-8")) or {} if config.exists() else {},
        leaks=json.loads(leaks.read_text(encoding="utf-8"))["shared"] if leaks.exists() else {},
    )


def _present(path: Path) -> Path:
    if not path.exists():
        raise UserError(f"a report needs {path}, which is missing; train to the end, or `evaluate` the run")
    return path


def _read_predictions(path: Path, labels: Sequence[str]) -> pl.DataFrame:
    """Only the columns that are drawn; the probabilities are the float32 that the scores were computed from."""
    return _read_csv(path).select("label", "prediction", pl.col([f"p_{label}" for label in labels]).cast(pl.Float32))


def _read_csv(path: Path) -> pl.DataFrame:
    """A table of texts. Polars leaves the quotes within the names of columns doubled."""
    table = pl.read_csv(path, infer_schema=False)
    return table.rename({name: name.replace('""', '"') for name in table.columns})
