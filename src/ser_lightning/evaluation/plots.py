"""The pictures of the report, as matplotlib Figures, and the curve that one of them needs.

How they look is in `ser_lightning.drawing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Float32
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ser_lightning.drawing import ABSENT, FAINT, INK, canvas

TRAIN, VAL = "#4477aa", "#cc3311"
CLASSES = ("#4477aa", "#cc3311", "#228833", "#bb8800", "#aa3377", "#22a0b8", "#7755cc", "#777777")
DYNAMIC_RANGE_DB = 80.0


class RocCurve(NamedTuple):
    """One corner per distinct score, from (0, 0) to (1, 1)."""

    false_positive_rate: Float[np.ndarray, " point"]
    true_positive_rate: Float[np.ndarray, " point"]

    @property
    def area(self) -> float:
        """The area under the curve (AUROC), by the trapezoid rule, which counts a tie as half."""
        heights = (self.true_positive_rate[1:] + self.true_positive_rate[:-1]) / 2
        return float(np.sum(np.diff(self.false_positive_rate) * heights))


def roc_curve(truth: Bool[np.ndarray, " clip"], score: Float[np.ndarray, " clip"]) -> RocCurve | None:
    """True against false positive rate as the threshold falls; None where one kind of clip is absent.

    Clips of equal score pass the threshold together. Agrees with `sklearn.metrics.roc_curve(...,
    drop_intermediate=False)`.

    >>> roc_curve(np.array([True, False]), np.array([0.9, 0.1])).area
    1.0
    """
    num_positive = int(truth.sum())
    num_negative = truth.size - num_positive
    if not (num_positive and num_negative):
        return None
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(score[order])), truth.size - 1)
    true_positives = np.cumsum(truth[order])[last_of_tie]
    false_positives = 1 + last_of_tie - true_positives
    return RocCurve(np.append(0, false_positives) / num_negative, np.append(0, true_positives) / num_positive)


def roc_curves(predictions: pl.DataFrame, labels: Sequence[str]) -> dict[str, RocCurve]:
    """One-vs-rest curves from columns `label` and `p_<label>`; a class without a curve is left out."""
    truth = predictions["label"].to_numpy()
    curves = {label: roc_curve(truth == label, predictions[f"p_{label}"].to_numpy()) for label in labels}
    return {label: curve for label, curve in curves.items() if curve is not None}


def best_epoch(log: pl.DataFrame) -> tuple[int, float] | None:
    """Epoch and value of the highest `val_balanced_accuracy`, the first of equals; None without val."""
    epochs, values = _series(log, "val_balanced_accuracy")
    if not values.size:
        return None
    best = int(np.argmax(values))
    return int(epochs[best]), float(values[best])


def roc_figure(curves: Mapping[str, RocCurve]) -> Figure:
    """One curve a class, its area in the legend, and the diagonal of a guess."""
    figure, axes = canvas(4.7, 4.5)
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    for index, (label, curve) in enumerate(curves.items()):
        colour, style = CLASSES[index % len(CLASSES)], ("-", "--", ":")[index // len(CLASSES) % 3]
        axes.plot(*curve, color=colour, linestyle=style, linewidth=1.8, label=f"{label}  {curve.area:.2f}")
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_aspect("equal")
    _legend(axes, loc="lower right", title="AUROC")
    return figure


def confusion_figure(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Rows are the truth. A cell's number counts clips, its colour is their share of the row."""
    counts = np.asarray(confusion)
    totals = counts.sum(axis=1, keepdims=True)
    share = np.ma.masked_invalid(np.where(totals > 0, counts / np.maximum(totals, 1), np.nan))
    figure, axes = canvas(4.7, 4.5)
    axes.imshow(share, cmap=colormaps["Blues"].with_extremes(bad=ABSENT), vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if share[row, column] > 0.55 else INK if count else FAINT
        axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=11)
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, labels)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(np.arange(-0.5, len(labels)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(labels)), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    return figure


def recall_figure(recalls: Mapping[str, float | None], balanced_accuracy: float | None) -> Figure:
    """One bar a class; a dashed line at their mean, the balanced accuracy. None is a class without clips."""
    figure, axes = canvas(4.7, 1.0 + 0.42 * len(recalls))
    rows = np.arange(len(recalls))
    axes.barh(rows, [recall or 0.0 for recall in recalls.values()], height=0.62, color=TRAIN)
    for row, recall in enumerate(recalls.values()):
        text, colour = ("no clips", FAINT) if recall is None else (f"{recall:.2f}", INK)
        axes.text(1.03, row, text, va="center", color=colour, fontsize=11)
    if balanced_accuracy is not None:
        axes.axvline(balanced_accuracy, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(rows, list(recalls))
    axes.set(xlabel="recall", xlim=(0, 1.0), ylim=(len(recalls) - 0.5, -0.5))
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


def loss_figure(log: pl.DataFrame) -> Figure:
    """Training and validation loss by epoch."""
    figure, axes = canvas(4.7, 3.3)
    _lines(axes, log, train="train_loss", val="val_loss")
    axes.set(xlabel="epoch", ylabel="loss")
    _legend(axes, loc="best")
    return figure


def balanced_accuracy_figure(log: pl.DataFrame) -> Figure:
    """Balanced accuracy by epoch; the best epoch of the val part is marked."""
    figure, axes = canvas(4.7, 3.3)
    _lines(axes, log, train="train_balanced_accuracy", val="val_balanced_accuracy")
    axes.set(xlabel="epoch", ylabel="balanced accuracy", ylim=(0, 1.03))
    best = best_epoch(log)
    if best is not None:
        axes.axvline(best[0], color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axes.plot(
            *best,
            "o",
            color=VAL,
            markersize=9,
            markerfacecolor="white",
            markeredgewidth=2,
            label="best epoch",
        )
    _legend(axes, loc="lower right")
    return figure


def log_mel_figure(log_mel: Float32[np.ndarray, "mel frame"], seconds: float) -> Figure:
    """The log-mel over time; colours span the loudest 80 dB. Transparent, for light and dark pages."""
    figure, axes = canvas(3.1, 1.75, ink="#808890", paper="none")
    loudest = float(log_mel.max())
    axes.imshow(
        log_mel,
        origin="lower",
        interpolation="nearest",
        aspect="auto",
        cmap="magma",
        extent=(0, seconds, 0, log_mel.shape[0]),
        vmin=max(float(log_mel.min()), loudest - DYNAMIC_RANGE_DB),
        vmax=loudest,
    )
    axes.set(xlabel="seconds", ylabel="mel band")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.spines[:].set_visible(False)
    return figure


def _series(log: pl.DataFrame, column: str) -> tuple[Float[np.ndarray, " epoch"], Float[np.ndarray, " epoch"]]:
    """Epochs and values of a column where it has any; empty where the column is missing."""
    if column not in log.columns:
        return np.empty(0), np.empty(0)
    # An all-empty CSV column is read as text.
    rows = log.select(pl.col("epoch", column).cast(pl.Float64)).drop_nulls().filter(pl.col(column).is_not_nan())
    return rows["epoch"].to_numpy(), rows[column].to_numpy()


def _lines(axes: Axes, log: pl.DataFrame, *, train: str, val: str) -> None:
    """The two lines that are there; points as well where they are few, so that one epoch is seen."""
    for name, column, colour in (("train", train, TRAIN), ("val", val, VAL)):
        epochs, values = _series(log, column)
        if values.size:
            axes.plot(
                epochs,
                values,
                color=colour,
                marker="o" if values.size < 10 else None,
                linewidth=1.8,
                label=name,
            )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(axis="y", color=ABSENT)
    axes.set_axisbelow(True)


def _legend(axes: Axes, *, loc: Literal["best", "lower right"], title: str = "") -> None:
    """A frameless legend, where there is anything to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=loc, title=title, frameon=False, fontsize=11, labelcolor=INK, handlelength=1.6)
