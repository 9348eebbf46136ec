"""A recording that is heard while it is made: chunks of any size in, a window every hop out, with bounded memory.

Two series of windows are cut from the same samples. Those `hop` apart are told, smoothed; those that do not overlap are
the windows of evaluation, and their mean is the answer for all that was heard so far. What is in both is asked once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int16, Int64

from ser_lightning.data.audio import BadAudioError
from ser_lightning.evaluation.calibration import calibrated
from ser_lightning.recognition.answer import Answer, Window, most_probable, named
from ser_lightning.recognition.hearing import Hearing
from ser_lightning.recognition.input_checks import Levels, input_warnings, levels_of
from ser_lightning.recognition.smoothing import Smoothing

Predict = Callable[[Int16[np.ndarray, "window time"], Int64[np.ndarray, " window"]], Float[np.ndarray, "window class"]]
"""The probabilities of windows, before the temperature, by the windows and how many samples of each are real."""
MOST_WINDOWS = 64
"""So many windows are cut at a time."""


class Stream:
    """What is heard in chunks at `source_rate`; made by `Recognizer.stream`.

    `rate`, `window` (samples) and `temperature` are the model's, which `predict` asks. After `finish` nothing more is
    taken.
    """

    def __init__(
        self,
        predict: Predict,
        *,
        labels: tuple[str, ...],
        source_rate: int,
        rate: int,
        window: int,
        hop: int,
        smooth_seconds: float,
        temperature: float,
        threshold: float | None,
    ) -> None:
        self.predict = predict
        self.labels, self.rate, self.window, self.hop = labels, rate, window, hop
        self.temperature, self.threshold = temperature, threshold
        self.hearing = Hearing(source_rate=source_rate, rate=rate)
        self.smoothing = Smoothing(hop_seconds=hop / rate, smooth_seconds=smooth_seconds)
        self.levels = Levels()
        self.kept = np.zeros(0, np.int16)
        """The samples from `first` on, of those heard."""
        self.first = 0
        self.next_hop = self.next_tile = 0
        """Where the next window of each series begins."""
        self.weighted = np.zeros(len(labels))
        self.weight = 0
        self.finished = False

    @property
    def heard(self) -> int:
        """How many samples were heard, at the model's rate."""
        return self.first + len(self.kept)

    @property
    def answer(self) -> Answer:
        """The answer for all whole windows that were heard, after `finish` for all; the timeline was told before.

        Raises BadAudioError where there is no window yet.
        """
        if not self.weight:
            raise BadAudioError("not one window was heard yet" if self.heard else "the stream holds no samples")
        row = calibrated((self.weighted / self.weight)[None], self.temperature)[0]
        probabilities = named(self.labels, row)
        warnings = input_warnings(self.levels, self.rate, self.hearing.source_rate)
        return Answer(most_probable(probabilities, self.threshold), probabilities, (), self.heard / self.rate, warnings)

    def feed(self, chunk: npt.NDArray[Any]) -> list[Window]:
        """The windows that are whole with this chunk, [time] or [time channel]; raises ValueError for no sound."""
        assert not self.finished, "a finished stream takes nothing more"
        return self._taken(self.hearing.heard(chunk), last=False)

    def finish(self) -> list[Window]:
        """The windows that the end makes whole; the last is padded, as in evaluation."""
        assert not self.finished, "a stream is finished once"
        self.finished = True
        return self._taken(self.hearing.rest(), last=True)

    def _taken(self, samples: Int16[np.ndarray, " time"], *, last: bool) -> list[Window]:
        """Take samples a few windows at a time, as a chunk may be an hour."""
        size = self.hop * MOST_WINDOWS
        pieces = [samples[first : first + size] for first in range(0, len(samples), size)] or [samples]
        told = [self._piece(piece, last=last and number == len(pieces)) for number, piece in enumerate(pieces, 1)]
        return [window for windows in told for window in windows]

    def _piece(self, samples: Int16[np.ndarray, " time"], *, last: bool) -> list[Window]:
        self.levels = self.levels.plus(levels_of(samples))
        self.kept = np.concatenate([self.kept, samples])
        hops, self.next_hop = self._due(self.next_hop, self.hop, last=last, told=self.next_hop > 0)
        tiles, self.next_tile = self._due(self.next_tile, self.window, last=last, told=self.next_tile > 0)
        windows = self._windows(hops, tiles)
        self._forget()
        return windows

    def _due(self, start: int, step: int, *, last: bool, told: bool) -> tuple[list[int], int]:
        """Where the windows of a series begin that can be cut now, and where the next will."""
        starts = list(range(start, self.heard - self.window + 1, step))
        start += step * len(starts)
        covered = start - step + self.window if told or starts else 0
        if last and covered < self.heard:
            return [*starts, start], start + step
        return starts, start

    def _windows(self, hops: list[int], tiles: list[int]) -> list[Window]:
        """Ask for the windows of both series, add up the tiles, and tell the others."""
        starts = sorted({*hops, *tiles})
        if not starts:
            return []
        length = np.minimum(self.window, self.heard - np.array(starts))
        cut = np.zeros((len(starts), self.window), np.int16)
        for row, start, real in zip(cut, starts, length, strict=True):
            row[:real] = self.kept[start - self.first : start - self.first + real]
        p = dict(zip(starts, self.predict(cut, length), strict=True))
        real = dict(zip(starts, length.tolist(), strict=True))
        for start in tiles:
            self.weighted += real[start] * p[start].astype(np.float64)
            self.weight += real[start]
        if not hops:
            return []
        rows = self.smoothing(calibrated(np.stack([p[start] for start in hops]), self.temperature))
        return [
            Window(start / self.rate, (start + real[start]) / self.rate, named(self.labels, row))
            for start, row in zip(hops, rows, strict=True)
        ]

    def _forget(self) -> None:
        """Drop the samples that no window will want."""
        first = min(self.next_hop, self.next_tile, self.heard)
        self.kept = self.kept[first - self.first :].copy()
        self.first = first
