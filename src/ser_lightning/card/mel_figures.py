"""The mean log-mel of every emotion, as small pictures on one scale of colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ser_lightning.drawing import INK, dress

COLUMNS = 2
WIDTH, ROW_HEIGHT = 4.7, 1.25  # inches
TICKS_HZ = (250, 1000, 4000)
GREY = "#808890"
"""Ink that is read on white and on black, for pictures that a dark page does not invert."""


def means_figure(
    means: Float[np.ndarray, "emotion mel frame"], emotions: Sequence[str], bands_hz: Float[np.ndarray, " mel"]
) -> Figure:
    """Level kept: one scale of dB for all, from the softest to the loudest place of any."""
    limits = float(means.min()), float(means.max())
    return _grid(means, emotions, bands_hz, colours="magma", limits=limits, label="dB", paper="none", ink=GREY)


def differences_figure(
    means: Float[np.ndarray, "emotion mel frame"], emotions: Sequence[str], bands_hz: Float[np.ndarray, " mel"]
) -> Figure:
    """Each emotion less the mean of all, each of which counts the same: red is louder, blue is softer."""
    rest = means - means.mean(axis=0)
    most = max(float(np.quantile(np.abs(rest), 0.995)), 0.1)
    label = "dB from the mean"
    return _grid(rest, emotions, bands_hz, colours="RdBu_r", limits=(-most, most), label=label, paper="white", ink=INK)


def _grid(
    pictures: Float[np.ndarray, "emotion mel frame"],
    emotions: Sequence[str],
    bands_hz: Float[np.ndarray, " mel"],
    *,
    colours: str,
    limits: tuple[float, float],
    label: str,
    paper: str,
    ink: str,
) -> Figure:
    rows = -(-len(emotions) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 0.8 + ROW_HEIGHT * rows), layout="constrained", facecolor=paper)
    grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    image: AxesImage | None = None
    for axes, emotion, picture in zip(grid.flat, emotions, pictures, strict=False):
        image = axes.imshow(
            picture,
            origin="lower",
            aspect="auto",
            interpolation="nearest",
            cmap=colours,
            vmin=limits[0],
            vmax=limits[1],
            extent=(0, 100, -0.5, len(bands_hz) - 0.5),
        )
        _dress(axes, emotion, bands_hz, ink)
    for axes in grid.flat[len(emotions) :]:
        axes.set_visible(False)
    assert image is not None, "a card has an emotion"
    bar = figure.colorbar(image, ax=grid, location="bottom", shrink=0.7, aspect=32, pad=0.02)
    bar.set_label(label, color=ink, fontsize=10)
    bar.ax.tick_params(labelsize=9, labelcolor=ink, color=ink)
    bar.outline.set_visible(False)
    return figure


def _dress(axes: Axes, emotion: str, bands_hz: Float[np.ndarray, " mel"], ink: str) -> None:
    """The emotion above, frequencies beside, start and end below."""
    ticks = [hz for hz in TICKS_HZ if hz < bands_hz[-1]]
    dress(axes, ink=ink)
    axes.set_title(emotion, fontsize=11, color=ink, loc="left", pad=3)
    axes.set_yticks([int(np.abs(bands_hz - hz).argmin()) for hz in ticks], [f"{hz / 1000:g} kHz" for hz in ticks])
    start, end = axes.set_xticks([0, 100], ["start", "end"])
    start.label1.set_horizontalalignment("left")
    end.label1.set_horizontalalignment("right")
    axes.tick_params(labelsize=9)
    axes.spines[:].set_visible(False)
