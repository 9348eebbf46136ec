"""One picture of a recording: its waveform, its log-mel and what the model looked at, when each emotion is heard."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float32, Float64, Int16
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ser_lightning.data.audio import FULL_SCALE
from ser_lightning.drawing import FAINT, dress, inline_svg
from ser_lightning.evaluation.example_plots import draw_log_mel
from ser_lightning.evaluation.plots import plain, shortened
from ser_lightning.recognition.answer import Window

WIDTH = 4.2  # inches: its text is readable on a phone
TEXT = 10  # points
WAVE, PROBABLE = "#4477aa", "#2f7fd0"
"""Middle tones, seen on light and on dark paper."""
COLUMNS = 800
"""Of the waveform: no screen shows more."""


def picture_of(
    samples: Int16[np.ndarray, " time"],
    rate: int,
    log_mel: Float32[np.ndarray, "mel frame"],
    evidence: Float32[np.ndarray, "mel frame"] | None,
    timeline: Sequence[Window],
) -> str:
    """The picture as an SVG element; evidence is from 0 to 1, or None."""
    labels = list(timeline[0].probabilities)
    heights = (0.6, 1.3, 0.2 + 0.2 * len(labels))
    figure = Figure(figsize=(WIDTH, sum(heights) + 0.6), layout="constrained", facecolor="none")
    wave, mel, emotions = figure.subplots(3, sharex=True, height_ratios=heights)
    seconds = len(samples) / rate
    for axes in (wave, mel, emotions):
        dress(axes)
        axes.set_facecolor("none")
        axes.tick_params(labelsize=TEXT)
        axes.xaxis.label.set_fontsize(TEXT)
        axes.yaxis.label.set_fontsize(TEXT)
    _draw_wave(wave, samples, seconds)
    draw_log_mel(mel, log_mel, evidence, seconds)
    mel.set(ylabel="mel band", yticks=[0, len(log_mel)])
    mel.spines[:].set_visible(False)
    _draw_timeline(emotions, timeline, seconds)
    figure.align_ylabels([wave, mel])
    return inline_svg(figure)


def envelope(samples: Int16[np.ndarray, " time"], columns: int) -> Float64[np.ndarray, "2 column"]:
    """The lowest and the highest sample of so many stretches, in full scale; a sample each where there are fewer.

    >>> envelope(np.array([0, 16384, -16384, 8192], dtype=np.int16), 2).tolist()
    [[0.0, -0.5], [0.5, 0.25]]
    """
    starts = np.linspace(0, len(samples), min(columns, len(samples)), endpoint=False).astype(np.int64)
    low, high = (reduce.reduceat(samples, starts) for reduce in (np.minimum, np.maximum))
    return np.stack([low, high]) / FULL_SCALE


def spans(timeline: Sequence[Window], seconds: float) -> list[tuple[float, float]]:
    """Where each window is drawn, without overlap: from half way to the one before to half way to the next.

    >>> spans([Window(0.0, 2.0, {}), Window(1.0, 3.0, {}), Window(2.0, 3.5, {})], 3.5)
    [(0.0, 1.5), (1.5, 2.5), (2.5, 3.5)]
    """
    size = timeline[0].end - timeline[0].start
    centres = [window.start + size / 2 for window in timeline]
    edges = [0.0, *((a + b) / 2 for a, b in pairwise(centres)), seconds]
    return [(min(a, seconds), min(b, seconds)) for a, b in pairwise(edges)]


def _draw_wave(axes: Axes, samples: Int16[np.ndarray, " time"], seconds: float) -> None:
    low, high = envelope(samples, COLUMNS)
    time = (np.arange(len(low)) + 0.5) * seconds / len(low)
    axes.fill_between(time, low, high, color=WAVE, linewidth=0.6)
    most = max(float(high.max()), -float(low.min()), 1e-3)
    axes.set(ylim=(-1.05 * most, 1.05 * most), ylabel="wave", yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(bottom=False)


def _draw_timeline(axes: Axes, timeline: Sequence[Window], seconds: float) -> None:
    """A row an emotion: the fuller the colour, the more probable."""
    labels = list(timeline[0].probabilities)
    for (start, end), window in zip(spans(timeline, seconds), timeline, strict=True):
        colours = [(*to_rgb(PROBABLE), p) for p in window.probabilities.values()]
        axes.barh(range(len(labels)), end - start, left=start, height=0.86, color=colours, linewidth=0)
    for row in range(len(labels)):
        axes.axhline(row + 0.5, color=FAINT, linewidth=0.4)
    axes.set_yticks(range(len(labels)), [plain(shortened(label)) for label in labels])
    axes.set(xlim=(0, seconds), ylim=(len(labels) - 0.5, -0.5), xlabel="seconds")
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
