"""Chunks of a stream as int16 at the model's rate: to the last bit what the whole would be if it came at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
from jaxtyping import Int16

from ser_lightning.data.audio import downmixed, to_int16
from ser_lightning.recognition.arrays import as_samples

NOTHING = np.zeros(0, np.float32)


class Hearing:
    """A resampler with a memory (soxr HQ), from `source_rate` to `rate`, both in Hz."""

    def __init__(self, *, source_rate: int, rate: int) -> None:
        self.source_rate = source_rate
        same = source_rate == rate
        self.resampler = None if same else soxr.ResampleStream(source_rate, rate, 1, dtype="float32", quality="HQ")

    def heard(self, chunk: npt.NDArray[Any]) -> Int16[np.ndarray, " time"]:
        """What a chunk [time] or [time channel] of any length adds; raises ValueError where it is no sound."""
        wave = as_samples(chunk)
        mono = downmixed(wave) if len(wave) else NOTHING
        return to_int16(mono if self.resampler is None else self.resampler.resample_chunk(mono))[0]

    def rest(self) -> Int16[np.ndarray, " time"]:
        """What the resampler still held back at the end."""
        if self.resampler is None:
            return to_int16(NOTHING)[0]
        return to_int16(self.resampler.resample_chunk(NOTHING, last=True))[0]
