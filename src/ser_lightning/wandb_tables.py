"""What Weights & Biases shows of a finished run, as plain tables and numbers: pure functions, which know no W&B.

W&B's own chart functions count again, round to three decimals and draw rows at random where there are many; here the
counts are those of metrics.json and the curves those of the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float, Float32, UInt8
from matplotlib import colormaps

from ser_lightning.data.parts import PARTS
from ser_lightning.evaluation.curves import precision_recall_curves, roc_curves
from ser_lightning.evaluation.example_plots import DYNAMIC_RANGE_DB
from ser_lightning.evaluation.reliability import Bin, reliability
from ser_lightning.evaluation.scores import NAMES

MOST_POINTS = 500
"""A curve has no more points: ten classes stay below the 10,000 rows that a chart of W&B reads."""
PIXELS = 2
"""The width and height in pixels of one value of a log-mel."""


class Chart(NamedTuple):
    """One of W&B's own charts, and which column of its table is which of its `fields`."""

    title: str
    kind: str
    fields: dict[str, str]


AREA = "wandb/area-under-curve/v0"
CHARTS = {
    "test_confusion": Chart(
        "test: confusion",
        "wandb/confusion_matrix/v1",
        {"Actual": "Actual", "Predicted": "Predicted", "nPredictions": "nPredictions"},
    ),
    "test_roc": Chart("test: ROC", AREA, {"x": "fpr", "y": "tpr", "class": "class"}),
    "test_pr": Chart("test: precision and recall", AREA, {"x": "recall", "y": "precision", "class": "class"}),
    "test_reliability": Chart("test: reliability", "wandb/line/v0", {"x": "confidence", "y": "accuracy"}),
}
"""The charts by the name that they are logged under."""


def summary_values(metrics: Mapping[str, Any]) -> dict[str, float | str]:
    """The protocol's sentence, the temperature, and `<part>_<score>`, with `_low` and `_high` of its interval.

    `metrics` are the contents of metrics.json; an undefined score is left out.
    """
    values: dict[str, float | str] = {
        "protocol": metrics["protocol"]["sentence"],
        "temperature": metrics["calibration"]["temperature"],
    }
    for part in (part for part in PARTS if part in metrics):
        scores = {name: metrics[part][name] for name in NAMES}
        values |= {f"{part}_{name}": value for name, value in scores.items() if value is not None}
        for name, (low, high) in metrics[part].get("intervals", {"scores": {}})["scores"].items():
            values |= {f"{part}_{name}_low": low, f"{part}_{name}_high": high}
    return values


def chart_rows(
    table: pl.DataFrame, labels: Sequence[str], confusion: Sequence[Sequence[int]]
) -> dict[str, pl.DataFrame]:
    """The table of each chart, from the predictions and the counts of the test part."""
    return {
        "test_confusion": confusion_rows(confusion, labels),
        "test_roc": roc_rows(table, labels),
        "test_pr": pr_rows(table, labels),
        "test_reliability": reliability_rows(table, labels),
    }


def confusion_rows(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> pl.DataFrame:
    """A row a cell, under the names that W&B's chart of a confusion matrix asks for.

    >>> confusion_rows([[5, 1], [0, 2]], ["sad", "calm"]).rows()
    [('sad', 'sad', 5), ('sad', 'calm', 1), ('calm', 'sad', 0), ('calm', 'calm', 2)]
    """
    cells = [(labels[row], labels[column], count) for (row, column), count in np.ndenumerate(np.asarray(confusion))]
    return pl.DataFrame(
        cells, schema={"Actual": pl.String, "Predicted": pl.String, "nPredictions": pl.Int64}, orient="row"
    )


def class_rows(per_class: Mapping[str, Mapping[str, float | None]]) -> pl.DataFrame:
    """A row a class with its scores.

    >>> class_rows({"sad": {"recall": 0.5, "auroc": None}}).rows(named=True)
    [{'label': 'sad', 'recall': 0.5, 'auroc': None}]
    """
    return pl.DataFrame([{"label": label, **scores} for label, scores in per_class.items()])


def roc_rows(table: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """The one-vs-rest ROC curves (columns class, fpr, tpr); a class that no clip has, or every one, has none."""
    curves = roc_curves(table, labels)
    return _together(
        {label: {"fpr": fpr, "tpr": tpr} for label, (fpr, tpr) in curves.items()},
        ("fpr", "tpr"),
    )


def pr_rows(table: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """The one-vs-rest precision-recall curves (columns class, recall, precision), recall falling."""
    curves = precision_recall_curves(table, labels)
    return _together(
        {label: {"recall": recall, "precision": precision} for label, (precision, recall) in curves.items()},
        ("recall", "precision"),
    )


def reliability_rows(table: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """The bins of confidence that have clips: their bounds, clips, mean confidence and accuracy."""
    return pl.DataFrame(reliability(table, labels), schema=Bin._fields, orient="row")


def log_mel_picture(log_mel: Float32[np.ndarray, "mel frame"]) -> UInt8[np.ndarray, "height width 3"]:
    """The log-mel in colours, low bands below; they span the loudest 80 dB.

    >>> log_mel_picture(np.zeros((64, 30), dtype=np.float32)).shape
    (128, 60, 3)
    """
    over_floor = (log_mel - log_mel.max()) / DYNAMIC_RANGE_DB + 1
    colours = np.asarray(colormaps["magma"](np.clip(over_floor[::-1], 0, 1), bytes=True))[..., :3]
    return colours.repeat(PIXELS, axis=0).repeat(PIXELS, axis=1)


def _together(curves: Mapping[str, Mapping[str, Float[np.ndarray, " point"]]], axes: tuple[str, str]) -> pl.DataFrame:
    """The points of each class under its name; of too many, as many as are allowed, evenly, the ends among them."""
    tables = [pl.DataFrame(schema={"class": pl.String} | dict.fromkeys(axes, pl.Float64))]
    for label, values in curves.items():
        num_points = len(values[axes[0]])
        kept = np.unique(np.linspace(0, num_points - 1, min(num_points, MOST_POINTS)).round().astype(np.int64))
        tables.append(pl.DataFrame({"class": [label] * len(kept)} | {axis: values[axis][kept] for axis in axes}))
    return pl.concat(tables)
