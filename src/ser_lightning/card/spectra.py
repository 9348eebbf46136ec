"""The mean log-mel of each emotion, over relative time: clips of any length become pictures of one width.

Each clip is looked at in as many windows, evenly spaced from its start to its end, so that the cost of a clip does
not grow with its length and a hundred hours are as quick as one. Window, transform and mel filters are those of the
frontend that a model hears through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from jaxtyping import Float, Float32, Int16

from ser_lightning.data.samples import Samples
from ser_lightning.frontend.frontend import INT16_SCALE, POWER_FLOOR, Frontend

NUM_FRAMES = 40
"""Windows per clip: of a 3 s clip they lie 75 ms apart."""
CLIPS_AT_ONCE = 32


class LogMel:
    """Log-mel in dB of `NUM_FRAMES` windows of a clip, at `rate` Hz; `bands_hz` [mel] is where each filter peaks."""

    def __init__(self, rate: int) -> None:
        mel = Frontend(sample_rate=rate).mel
        self.window: Float32[np.ndarray, " time"] = mel.spectrogram.window.numpy()
        self.filters: Float32[np.ndarray, "frequency mel"] = mel.mel_scale.fb.numpy()
        self.bands_hz = self.filters.argmax(axis=0) * rate / len(self.window)

    def __call__(self, waves: Sequence[Int16[np.ndarray, " time"]]) -> Float32[np.ndarray, "clip mel frame"]:
        """A picture of each clip: time runs from its first window to its last."""
        cut = np.stack([self._windows(wave) for wave in waves]).astype(np.float32) * np.float32(INT16_SCALE)
        power = np.abs(np.fft.rfft(cut * self.window)).astype(np.float32) ** 2
        decibels: Float32[np.ndarray, "clip frame mel"] = 10.0 * np.log10(np.maximum(power @ self.filters, POWER_FLOOR))
        return decibels.transpose(0, 2, 1)

    def _windows(self, wave: Int16[np.ndarray, " time"]) -> Int16[np.ndarray, "frame time"]:
        size = len(self.window)
        padded = np.pad(wave, (0, max(0, size - len(wave))))
        starts = np.linspace(0, len(padded) - size, NUM_FRAMES).round().astype(np.int64)
        cut: Int16[np.ndarray, "frame time"] = np.lib.stride_tricks.sliding_window_view(padded, size)[starts]
        return cut


def mean_log_mels(
    table: pl.DataFrame, samples: Samples, emotions: Sequence[str], log_mel: LogMel
) -> Float[np.ndarray, "emotion mel frame"]:
    """The mean in dB over the clips of each emotion, level kept; every emotion has at least one clip."""
    sums = np.zeros((len(emotions), log_mel.filters.shape[1], NUM_FRAMES))
    number = {emotion: index for index, emotion in enumerate(emotions)}
    rows = np.array([number[emotion] for emotion in table["emotion"]])
    for first, waves in _waves(table, samples):
        np.add.at(sums, rows[first : first + len(waves)], log_mel(waves))
    means: Float[np.ndarray, "emotion mel frame"] = sums / np.bincount(rows)[:, None, None]
    return means


def _waves(table: pl.DataFrame, samples: Samples) -> Iterator[tuple[int, list[Int16[np.ndarray, " time"]]]]:
    """A few clips at a time, with the row of the first."""
    places = list(table.select("offset", "length").iter_rows())
    for first in range(0, len(places), CLIPS_AT_ONCE):
        few = places[first : first + CLIPS_AT_ONCE]
        yield first, [samples.read(offset, length) for offset, length in few]
