"""The pictures of the scores, as matplotlib Figures: classes, confusion, curves, calibration, speakers.

How they look is in `ser_lightning.drawing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ser_lightning.drawing import ABSENT, FAINT, INK, canvas, dress
from ser_lightning.evaluation.abstention import Answered, RiskCoverage
from ser_lightning.evaluation.curves import PrecisionRecallCurve, RocCurve
from ser_lightning.evaluation.intervals import Range
from ser_lightning.evaluation.reliability import Bin

TRAIN, VAL = "#4477aa", "#cc3311"
CLASSES = ("#4477aa", "#cc3311", "#228833", "#bb8800", "#aa3377", "#22a0b8", "#7755cc", "#777777")
STYLES = ("-", "--", ":", "-.")
DASHES = (0, (4, 3))
WIDTH = 4.7  # inches
MOST_NUMBERED = 12
"""Classes of a confusion matrix whose cells have room for a number."""
MOST_NAMED = 30
"""Speakers that have a row with their name."""
NAME_LENGTH = 24
FEW_POINTS = 40
"""Points of a risk-coverage curve that are drawn one by one."""
BESIDE = 0.07
"""Coverage between two thresholds whose names fit beside each other."""


def recall_figure(recalls: Mapping[str, float | None], balanced_accuracy: float | None) -> Figure:
    """One bar a class; a dashed line at their mean, the balanced accuracy. None is a class without clips."""
    figure, axes = canvas(WIDTH, 1.0 + 0.42 * len(recalls))
    _bars(axes, list(recalls), list(recalls.values()), balanced_accuracy)
    axes.set_xlabel("recall")
    return figure


def confusion_figure(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Rows are the truth. A cell's number counts clips, its colour is their share of the row."""
    counts = np.asarray(confusion)
    return _matrix(counts, counts.astype(str), labels)


def normalised_confusion_figure(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> Figure:
    """Rows are the truth. A cell's number and its colour are the share of the row, in per cent."""
    counts = np.asarray(confusion)
    totals = counts.sum(axis=1, keepdims=True)
    percent = 100 * counts / np.maximum(totals, 1)
    return _matrix(counts, np.where(totals > 0, np.char.mod("%.0f", percent), "-"), labels)


def roc_figure(curves: Mapping[str, RocCurve]) -> Figure:
    """One curve a class, its area in the legend, and the diagonal of a guess."""
    figure, axes = canvas(WIDTH, _height_of_curves(len(curves)))
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=DASHES)
    for index, (label, curve) in enumerate(curves.items()):
        colour, style = line_style(index)
        name = f"{plain(label)}  {curve.area:.2f}"
        axes.plot(*curve, color=colour, linestyle=style, linewidth=1.8, label=name)
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    _unit_square(axes)
    legend_below(figure, axes, title="AUROC")
    return figure


def precision_recall_figure(curves: Mapping[str, PrecisionRecallCurve]) -> Figure:
    """One curve a class in steps, as its average precision is summed, which is in the legend."""
    figure, axes = canvas(WIDTH, _height_of_curves(len(curves)))
    for index, (label, curve) in enumerate(curves.items()):
        colour, style = line_style(index)
        name = f"{plain(label)}  {curve.average_precision:.2f}"
        (line,) = axes.plot(curve.recall, curve.precision, color=colour, linestyle=style, linewidth=1.8, label=name)
        line.set_drawstyle("steps-post")
    axes.set(xlabel="recall", ylabel="precision")
    _unit_square(axes)
    legend_below(figure, axes, title="average precision")
    return figure


def reliability_figure(bins: Sequence[Bin]) -> Figure:
    """How often a bin's clips are right against how sure the model is of them, and below how many clips it has.

    A point's area grows with its clips, the line from it to the diagonal is what the bin adds to the calibration error
    for each of them; under the diagonal the model is surer than it is right.
    """
    figure = Figure(figsize=(WIDTH, 4.9), layout="constrained", facecolor="white")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
    confidence, accuracy = [one.confidence for one in bins], [one.accuracy for one in bins]
    dress(above)
    above.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=DASHES, zorder=1)
    above.vlines(confidence, accuracy, confidence, colors=VAL, linewidth=2.4, alpha=0.6, zorder=2)
    sizes = [16 + 110 * one.clips / max(other.clips for other in bins) for one in bins]
    above.scatter(confidence, accuracy, s=sizes, color=TRAIN, linewidths=0, zorder=3)
    above.set(ylabel="share that is right", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    dress(below)
    widths = [one.high - one.low for one in bins]
    lows, clips = [one.low for one in bins], [one.clips for one in bins]
    below.bar(lows, clips, widths, align="edge", color=TRAIN, edgecolor="white")
    below.set(xlabel="confidence", ylabel="clips")
    below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    figure.align_ylabels()
    return figure


def risk_coverage_figure(curve: RiskCoverage, thresholds: Sequence[Answered]) -> Figure:
    """The risk against the coverage, the dashed line of clips answered at random, and the thresholds by their names.

    A threshold that no clip reaches is not marked.
    """
    figure, axes = canvas(WIDTH, 4.5)
    axes.axhline(curve.risk[-1], color=FAINT, linewidth=1, linestyle=DASHES, label="answered at random")
    points = "o" if len(curve.risk) <= FEW_POINTS else ""
    axes.plot(curve.coverage, curve.risk, color=TRAIN, linewidth=1.8, marker=points, markersize=4)
    marked = [(one["threshold"], one["coverage"], one["risk"]) for one in thresholds if one["risk"] is not None]
    top = 1.08 * max(0.1, curve.risk.max(), *(risk for _, _, risk in marked))
    if marked:
        _, coverage, risk = zip(*marked, strict=True)
        axes.vlines(coverage, risk, top, colors=FAINT, linewidth=0.8, zorder=1)
        axes.scatter(coverage, risk, s=34, color=VAL, linewidths=0, zorder=3, label="a threshold, named above")
    _names_above(axes, {threshold: coverage for threshold, coverage, _ in marked})
    axes.set(xlabel="coverage: share that is answered", ylabel="risk: share of these that is wrong")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02 * top, top))
    legend_below(figure, axes)
    return figure


def speakers_figure(speakers: Mapping[str, float], balanced_accuracy: float, around: Range | None = None) -> Figure:
    """The balanced accuracy of each speaker, the best first: a named row each, or of many a thin column each.

    The dashed line is that of all clips, the band its interval over speakers.
    """
    ranked = dict(sorted(speakers.items(), key=lambda item: (-item[1], item[0])))
    named = len(ranked) <= MOST_NAMED
    figure, axes = canvas(WIDTH, 1.0 + 0.3 * len(ranked) if named else 3.4)
    if named:
        _bars(axes, [shortened(name) for name in ranked], list(ranked.values()), balanced_accuracy)
        axes.set_xlabel("balanced accuracy")
    else:
        axes.bar(range(len(ranked)), list(ranked.values()), 0.8, color=TRAIN)
        axes.axhline(balanced_accuracy, color=INK, linewidth=1, linestyle=DASHES)
        axes.set(xlabel=f"{len(ranked)} speakers, best first", ylabel="balanced accuracy", ylim=(0, 1.0))
        axes.set_xlim(-0.7, len(ranked) - 0.3)
        axes.set_xticks([])
    if around is not None:
        band = axes.axvspan(*around) if named else axes.axhspan(*around)
        band.set(color=FAINT, alpha=0.25, linewidth=0, zorder=0)
    return figure


def line_style(index: int) -> tuple[str, str]:
    """Colour and dashes of a class: 32 of them look different."""
    return CLASSES[index % len(CLASSES)], STYLES[index // len(CLASSES) % len(STYLES)]


def legend_below(figure: Figure, axes: Axes, *, title: str = "") -> None:
    """A frameless legend under the axes, where no line is; none where there is nothing to name."""
    handles, names = axes.get_legend_handles_labels()
    if handles:
        columns = 1 if max(map(len, names)) > 26 else 3 if max(map(len, names)) <= 12 else 2
        style = {"frameon": False, "fontsize": 11, "labelcolor": INK, "handlelength": 1.6, "columnspacing": 1.2}
        figure.legend(handles, names, loc="outside lower center", title=title or None, ncols=columns, **style)


def plain(name: str) -> str:
    """A name as matplotlib draws it: a dollar sign would start a formula, a leading underscore hide it.

    >>> plain("_sad")
    ' _sad'
    """
    escaped = name.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def shortened(name: str) -> str:
    """A name that leaves room for the picture.

    >>> shortened("a_corpus_of_many/speaker_0017")
    'a_corpus_of_…eaker_0017'
    """
    return name if len(name) <= NAME_LENGTH else f"{name[:12]}…{name[-10:]}"


def _bars(axes: Axes, names: Sequence[str], values: Sequence[float | None], middle: float | None) -> None:
    """A row a name, its value at the right; None is a class without clips."""
    rows = np.arange(len(values))
    axes.barh(rows, [value or 0.0 for value in values], height=0.62, color=TRAIN)
    for row, value in enumerate(values):
        text, colour = ("no clips", FAINT) if value is None else (f"{value:.2f}", INK)
        axes.text(1.03, row, text, va="center", color=colour, fontsize=11)
    if middle is not None:
        axes.axvline(middle, color=INK, linewidth=1, linestyle=DASHES)
    axes.set_yticks(rows, [plain(name) for name in names])
    axes.set(xlim=(0, 1.0), ylim=(len(values) - 0.5, -0.5))
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _names_above(axes: Axes, places: Mapping[float, float]) -> None:
    """The thresholds above the axes at their coverage, each in the lowest line that has room for it."""
    last: list[float] = []
    for threshold, place in sorted(places.items(), key=lambda item: (item[1], -item[0])):
        line = next((index for index, other in enumerate(last) if place - other >= BESIDE), len(last))
        last[line : line + 1] = [place]
        axes.annotate(
            f"{threshold:g}",
            (place, 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 4 + 13 * line),
            textcoords="offset points",
            ha="center",
            color=INK,
            fontsize=11,
        )


def _matrix(counts: np.ndarray, written: np.ndarray, labels: Sequence[str]) -> Figure:
    """The confusion matrix, coloured by the share of the row; a row without clips is grey."""
    totals = counts.sum(axis=1, keepdims=True)
    share = np.ma.masked_invalid(np.where(totals > 0, counts / np.maximum(totals, 1), np.nan))
    size = 11 if len(labels) <= 8 else 9
    figure, axes = canvas(WIDTH, 4.5)
    axes.imshow(share, cmap=colormaps["Blues"].with_extremes(bad=ABSENT), vmin=0, vmax=1)
    for (row, column), text in np.ndenumerate(written) if len(labels) <= MOST_NUMBERED else ():
        colour = "white" if share[row, column] > 0.55 else INK if counts[row, column] else FAINT
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    names = [plain(label) for label in labels]
    tick_size = 11 if len(labels) <= MOST_NUMBERED else 6
    axes.set_xticks(range(len(labels)), names, rotation=40, ha="right", rotation_mode="anchor", fontsize=tick_size)
    axes.set_yticks(range(len(labels)), names, fontsize=tick_size)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_xticks(np.arange(-0.5, len(labels)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(labels)), minor=True)
    axes.grid(which="minor", color="white", linewidth=2 if len(labels) <= MOST_NUMBERED else 0.7)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    return figure


def _height_of_curves(num_curves: int) -> float:
    return 4.7 + 0.2 * -(-num_curves // 2)


def _unit_square(axes: Axes) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_aspect("equal")
