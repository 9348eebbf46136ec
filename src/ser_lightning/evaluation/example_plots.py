"""The picture of one clip: its log-mel, and an outline of what the model looked at."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from ser_lightning.drawing import canvas

DYNAMIC_RANGE_DB = 80.0
OUTLINED = 0.5
"""The outline is drawn around what has at least so much of the strongest evidence."""
GREY, CYAN = "#808890", "#6ff2ff"
"""Readable on light and on dark; a hue that the colours of the log-mel do not have."""


def log_mel_figure(
    log_mel: Float32[np.ndarray, "mel frame"],
    seconds: float,
    evidence: Float32[np.ndarray, "mel frame"] | None = None,
) -> Figure:
    """The log-mel over time, the evidence (0 to 1) outlined; colours span the loudest 80 dB.

    Transparent, for light and dark pages.
    """
    figure, axes = canvas(3.1, 1.75, ink=GREY, paper="none")
    draw_log_mel(axes, log_mel, evidence, seconds)
    axes.set(xlabel="seconds", ylabel="mel band")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.spines[:].set_visible(False)
    return figure


def draw_log_mel(
    axes: Axes,
    log_mel: Float32[np.ndarray, "mel frame"],
    evidence: Float32[np.ndarray, "mel frame"] | None,
    seconds: float,
) -> None:
    """The log-mel over time, its loudest 80 dB in colours, with the evidence outlined where there is some."""
    loudest = float(log_mel.max())
    axes.imshow(
        log_mel,
        origin="lower",
        interpolation="nearest",
        aspect="auto",
        cmap="magma",
        extent=(0, seconds, 0, len(log_mel)),
        vmin=max(float(log_mel.min()), loudest - DYNAMIC_RANGE_DB),
        vmax=loudest,
    )
    if evidence is not None:
        outline(axes, evidence, seconds)


def outline(axes: Axes, evidence: Float32[np.ndarray, "mel frame"], seconds: float) -> None:
    """A closed line around what is looked at: zeros around the picture close it at the edges."""
    if evidence.max() < OUTLINED:
        return
    num_mels, num_frames = evidence.shape
    times = (np.arange(num_frames + 2) - 0.5).clip(0, num_frames) * seconds / num_frames
    bands = (np.arange(num_mels + 2) - 0.5).clip(0, num_mels)
    lines = axes.contour(times, bands, np.pad(evidence, 1), levels=[OUTLINED], colors=CYAN, linewidths=1.6)
    lines.set_path_effects([withStroke(linewidth=3.0, foreground="black")])
