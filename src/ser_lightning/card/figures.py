"""The pictures of the data card, as matplotlib Figures; how they look is in `ser_lightning.drawing`.

Up to `MOST_NAMED` speakers or texts have a row each, with its name. More become thin columns without names, side by
side: ninety-one names in a picture as wide as a phone could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from jaxtyping import Float, Int64
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ser_lightning.drawing import ABSENT, FAINT, INK, canvas

MOST_NAMED = 30
MOST_COLUMNS = 240
WIDTH = 4.7  # inches
NAME_LENGTH = 24
BLUE = "#4477aa"
SEXES = {"female": "#aa3377", "male": "#22a0b8", "unknown": FAINT}


def sex_colours(sexes: Sequence[str]) -> dict[str, str]:
    """A colour for each; other values than female, male and unknown take further ones."""
    others = iter(("#228833", "#bb8800", "#7755cc", "#cc3311") * len(sexes))
    return {sex: SEXES.get(sex) or next(others) for sex in sexes}


def emotions_figure(
    counts: Int64[np.ndarray, "emotion sex"], emotions: Sequence[str], colours: Mapping[str, str]
) -> Figure:
    """A bar an emotion, its sexes side by side, the number of clips at its end."""
    figure, axes = canvas(WIDTH, 1.1 + 0.36 * len(emotions))
    starts = np.zeros(len(emotions))
    for column, (sex, colour) in enumerate(colours.items()):
        axes.barh(emotions, counts[:, column], left=starts, height=0.66, color=colour, label=sex)
        starts = starts + counts[:, column]
    for row, total in enumerate(counts.sum(axis=1)):
        axes.text(total, row, f" {total:,}", va="center", color=INK, fontsize=11)
    axes.set(xlabel="clips", xlim=(0, 1.17 * starts.max()), ylim=(len(emotions) - 0.5, -0.5))
    _quiet_rows(axes)
    _legend(axes, len(colours))
    return figure


def speakers_figure(speakers: pl.DataFrame, colours: Mapping[str, str]) -> Figure:
    """The clips of each speaker (columns name, sex, clips), as rows, or as columns from many to few."""
    ranked = speakers.sort("clips", "name", descending=[True, False])
    named = len(speakers) <= MOST_NAMED
    rows = speakers if named else ranked
    figure, axes = canvas(WIDTH, 1.1 + 0.24 * len(rows) if named else 3.0)
    places = np.arange(len(rows))
    for sex, colour in colours.items():
        of_sex = (rows["sex"] == sex).to_numpy()
        draw = axes.barh if named else axes.bar
        draw(places[of_sex], rows["clips"].to_numpy()[of_sex], 0.72 if named else 1.0, color=colour, label=sex)
    if named:
        _name_rows(axes, rows["name"].to_list())
        axes.set_xlabel("clips")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    else:
        axes.set(xlabel=f"{len(rows):,} speakers, most clips first", ylabel="clips", xlim=(-0.5, len(rows) - 0.5))
        axes.set_xticks([])
    _legend(axes, len(colours))
    return figure


def crossed_figure(
    counts: Int64[np.ndarray, "name emotion"], names: Sequence[str], emotions: Sequence[str], what: str
) -> Figure:
    """Clips of each name and emotion: numbered cells for few names; for many, a column each and a colour bar.

    The colour is the share of the name's clips, so that names with few and with many clips compare. Of more than
    `MOST_COLUMNS` names as many are shown, evenly chosen in their order.
    """
    if len(names) <= MOST_NAMED:
        return _numbered(counts, names, emotions)
    figure, axes = canvas(WIDTH, 1.3 + 0.3 * len(emotions))
    shown = np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST_COLUMNS)).round().astype(np.int64))
    scale = PowerNorm(0.5, 0, 1)
    image = axes.imshow(_shares(counts[shown]).T, cmap=_blues(), aspect="auto", interpolation="nearest", norm=scale)
    axes.set_yticks(range(len(emotions)), emotions)
    axes.set_xticks([])
    axes.set_xlabel(f"{len(shown)} of {len(names):,} {what}" if len(shown) < len(names) else f"{len(names)} {what}")
    _frameless(axes)
    bar = figure.colorbar(image, ax=axes, label="share of the clips", ticks=[0, 0.1, 0.25, 0.5, 1], pad=0.02)
    bar.outline.set_visible(False)
    return figure


def _numbered(counts: Int64[np.ndarray, "name emotion"], names: Sequence[str], emotions: Sequence[str]) -> Figure:
    figure, axes = canvas(WIDTH, 1.2 + 0.27 * len(names))
    shares = _shares(counts)
    axes.imshow(shares, cmap=_blues(), aspect="auto", norm=PowerNorm(0.5, 0, 1))
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.3 else INK if count else FAINT
        axes.text(column, row, f"{count}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(emotions)), emotions, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), [shortened(name) for name in names], fontsize=10)
    axes.set_xticks(np.arange(-0.5, len(emotions)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(names)), minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    _frameless(axes)
    return figure


def spread_figure(
    rows: pl.DataFrame, label: str, what: str, colours: Sequence[str], *, reach: float | None = None
) -> Figure:
    """A dot at each group's median, a bar over its middle half, a line from 5 to 95 % (columns as of `spread`).

    The groups stand in the table's order; `colours` has one for each. With `reach` the axis runs from 0, and at
    least to there, so that little does not look like much.
    """
    named = len(rows) <= MOST_NAMED
    figure, axes = canvas(WIDTH, 0.9 + 0.27 * len(rows) if named else 3.4)
    places = np.arange(len(rows))
    lines = axes.hlines if named else axes.vlines
    lines(places, rows["p5"], rows["p95"], colors=list(colours), linewidth=1 if named else 0.6)
    lines(places, rows["p25"], rows["p75"], colors=list(colours), linewidth=5 if named else 2.2, alpha=0.55)
    across, up = (rows["median"], places) if named else (places, rows["median"])
    axes.scatter(across, up, s=26 if named else 7, c=list(colours), zorder=3, linewidths=0)
    axes.grid(axis="x" if named else "y", color=ABSENT)
    axes.set_axisbelow(True)
    if named:
        _name_rows(axes, rows["name"].to_list())
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    else:
        axes.set(ylabel=label, xlabel=f"{len(rows):,} {what}, by median", xlim=(-1, len(rows)))
        axes.set_xticks([])
    if reach is not None:
        end = max(reach, 1.03 * float(rows["p95"].to_numpy().max()))
        axes.set(**{"xlim" if named else "ylim": (-0.02 * end, end)})
    return figure


def durations_figure(seconds: Float[np.ndarray, " clip"]) -> Figure:
    """A histogram; clips beyond the 99.5 % quantile are counted in the last bar."""
    figure, axes = canvas(WIDTH, 2.8)
    most = max(float(np.quantile(seconds, 0.995)), float(seconds.min()) + 0.1)
    axes.hist(np.minimum(seconds, most), bins=40, color=BLUE)
    axes.axvline(float(np.median(seconds)), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set(xlabel="seconds", ylabel="clips")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return figure


def shortened(name: str) -> str:
    """A name that leaves room for the picture.

    >>> shortened("Dogs are sitting by the door")
    'Dogs are sitting by the…'
    """
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def _shares(counts: Int64[np.ndarray, "name emotion"]) -> Float[np.ma.MaskedArray, "name emotion"]:
    """Of each name's clips; what never occurs is masked."""
    return np.ma.masked_equal(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), 0)


def _blues() -> Colormap:
    return colormaps["Blues"].with_extremes(bad=ABSENT)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), [shortened(name) for name in names], fontsize=10)
    axes.set_ylim(len(names) - 0.5, -0.5)
    _quiet_rows(axes)


def _quiet_rows(axes: Axes) -> None:
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _frameless(axes: Axes) -> None:
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _legend(axes: Axes, count: int) -> None:
    """Above the axes, where no bar is."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=min(count, 4),
        frameon=False,
        fontsize=10,
        labelcolor=INK,
        handlelength=1.0,
        borderpad=0,
    )
