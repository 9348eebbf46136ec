"""The pictures of training, from the rows of log.csv: loss, balanced accuracy, recall by class, learning rate."""

from __future__ import annotations

import numpy as np
import polars as pl
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ser_lightning.drawing import ABSENT, FAINT, INK, canvas
from ser_lightning.evaluation.plots import TRAIN, VAL, legend_below, line_style, plain

WIDTH, HEIGHT = 4.7, 3.3  # inches
RECALL = "val_recall_"


def best_epoch(log: pl.DataFrame) -> tuple[int, float] | None:
    """Epoch and value of the highest `val_balanced_accuracy`, the first of equals; None without val."""
    epochs, values = _series(log, "val_balanced_accuracy")
    if not values.size:
        return None
    best = int(np.argmax(values))
    return int(epochs[best]), float(values[best])


def training_figures(log: pl.DataFrame) -> dict[str, Figure]:
    """The pictures that the log has something for, by their names."""
    figures = {"loss": loss_figure(log), "balanced_accuracy": balanced_accuracy_figure(log)}
    if any(_series(log, f"{RECALL}{label}")[1].size for label in logged_classes(log)):
        figures["epoch_recall"] = epoch_recall_figure(log)
    if _series(log, "lr")[1].size:
        figures["learning_rate"] = learning_rate_figure(log)
    return figures


def logged_classes(log: pl.DataFrame) -> list[str]:
    """The classes whose recall is in the log."""
    return [column.removeprefix(RECALL) for column in log.columns if column.startswith(RECALL)]


def loss_figure(log: pl.DataFrame) -> Figure:
    """Training and validation loss by epoch."""
    figure, axes = canvas(WIDTH, HEIGHT)
    _lines(axes, log, train="train_loss", val="val_loss")
    axes.set(xlabel="epoch", ylabel="loss")
    legend_below(figure, axes)
    return figure


def balanced_accuracy_figure(log: pl.DataFrame) -> Figure:
    """Balanced accuracy by epoch; the best epoch of the val part is marked."""
    figure, axes = canvas(WIDTH, HEIGHT)
    _lines(axes, log, train="train_balanced_accuracy", val="val_balanced_accuracy")
    axes.set(xlabel="epoch", ylabel="balanced accuracy", ylim=(0, 1.03))
    best = best_epoch(log)
    if best is not None:
        axes.axvline(best[0], color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        (ring,) = axes.plot(*best, "o", color=VAL, label="best epoch")
        ring.set(markersize=9, markerfacecolor="white", markeredgewidth=2)
    legend_below(figure, axes)
    return figure


def epoch_recall_figure(log: pl.DataFrame) -> Figure:
    """The recall of each class of the val part by epoch."""
    labels = logged_classes(log)
    figure, axes = canvas(WIDTH, HEIGHT + 0.08 * len(labels))
    for index, label in enumerate(labels):
        epochs, values = _series(log, f"{RECALL}{label}")
        colour, style = line_style(index)
        axes.plot(epochs, values, color=colour, linestyle=style, marker=_marker(values), label=plain(label))
    axes.set(xlabel="epoch", ylabel="recall", ylim=(-0.02, 1.03))
    _epoch_axis(axes)
    legend_below(figure, axes)
    return figure


def learning_rate_figure(log: pl.DataFrame) -> Figure:
    """The learning rate at the end of each epoch; the highest, where parts of the network have their own."""
    figure, axes = canvas(WIDTH, HEIGHT)
    epochs, values = _series(log, "lr")
    axes.plot(epochs, values, color=INK, marker=_marker(values), linewidth=1.8)
    axes.set(xlabel="epoch", ylabel="learning rate", ylim=(0, 1.08 * max(float(values.max()), 1e-12)))
    axes.ticklabel_format(axis="y", scilimits=(-2, 3))
    _epoch_axis(axes)
    return figure


def _series(log: pl.DataFrame, column: str) -> tuple[Float[np.ndarray, " epoch"], Float[np.ndarray, " epoch"]]:
    """Epochs and values of a column where it has any; empty where the column is missing."""
    if column not in log.columns:
        return np.empty(0), np.empty(0)
    # An all-empty CSV column is read as text.
    rows = log.select(pl.col("epoch", column).cast(pl.Float64)).drop_nulls().filter(pl.col(column).is_not_nan())
    return rows["epoch"].to_numpy(), rows[column].to_numpy()


def _lines(axes: Axes, log: pl.DataFrame, *, train: str, val: str) -> None:
    """The two lines that are there."""
    for name, column, colour in (("train", train, TRAIN), ("val", val, VAL)):
        epochs, values = _series(log, column)
        if values.size:
            axes.plot(epochs, values, color=colour, marker=_marker(values), linewidth=1.8, label=name)
    _epoch_axis(axes)


def _marker(values: Float[np.ndarray, " epoch"]) -> str | None:
    """Points as well where they are few, so that one epoch is seen."""
    return "o" if values.size < 10 else None


def _epoch_axis(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(axis="y", color=ABSENT)
    axes.set_axisbelow(True)
