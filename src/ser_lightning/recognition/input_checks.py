"""What is wrong with a recording as a model hears it: told with the answer, as it may still be of use.

The limits are ours: speech is recorded at about -50 to -15 dB of full scale. Levels add up, so that a stream can be
checked without being kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int16

from ser_lightning.data.audio import FULL_SCALE

SHORT_SECONDS = 0.25
"""Hardly one syllable."""
QUIET_DB = -60.0
"""RMS under which there is noise more than speech."""
CLIPPED_SHARE = 0.001
CLIPPED_RUN = 3
"""So many samples in a row at full scale were cut off: the top of a tone of less than 100 Hz alone has as many."""
NEARLY_FULL = 0.999
OFFSET = 0.05
"""Mean in full scale that no microphone should have."""


class Levels(NamedTuple):
    """Of samples in full scale: how many, their sum, the sum of their squares, and how many of them are clipped."""

    time: int = 0
    total: float = 0.0
    squares: float = 0.0
    clipped: int = 0

    def plus(self, other: Levels) -> Levels:
        """Those of both stretches together."""
        return Levels(
            self.time + other.time,
            self.total + other.total,
            self.squares + other.squares,
            self.clipped + other.clipped,
        )


def levels_of(samples: Int16[np.ndarray, " time"]) -> Levels:
    """The levels of a stretch."""
    wave = samples.astype(np.float64) / FULL_SCALE
    clipped = sum(_long_runs(full) for full in (wave >= NEARLY_FULL, wave <= -NEARLY_FULL))
    return Levels(len(wave), float(wave.sum()), float(np.square(wave).sum()), clipped)


def input_warnings(levels: Levels, rate: int, source_rate: int) -> tuple[str, ...]:
    """What is doubtful of a recording at the model's `rate`, which was made at `source_rate`, both in Hz."""
    found = [_short(levels.time / rate), _narrow(rate, source_rate)]
    if levels.squares == 0:
        return (*filter(None, found), "it is silent throughout (every sample is zero); the answer means nothing")
    mean = levels.total / levels.time
    power = levels.squares / levels.time - mean**2
    return tuple(filter(None, [*found, _quiet(power), _clipped(levels.clipped / levels.time), _offset(mean)]))


def _short(seconds: float) -> str:
    if seconds >= SHORT_SECONDS:
        return ""
    return f"it lasts only {seconds:.2f} s; {SHORT_SECONDS:g} s or more are needed to hear an emotion"


def _narrow(rate: int, source_rate: int) -> str:
    if source_rate >= rate:
        return ""
    return (
        f"it was recorded at {source_rate:,} Hz and has nothing above {source_rate // 2:,} Hz; the model was trained "
        f"at {rate:,} Hz"
    )


def _quiet(power: float) -> str:
    level = 10 * np.log10(max(power, 1e-12))
    return f"it is very quiet: {level:.0f} dB of full scale (RMS); record closer, or louder" if level < QUIET_DB else ""


def _clipped(share: float) -> str:
    if share <= CLIPPED_SHARE:
        return ""
    return f"{share:.1%} of its samples are clipped at full scale; record with less gain"


def _offset(mean: float) -> str:
    return f"its mean is {mean:+.0%} of full scale (a DC offset); look at the microphone" if abs(mean) > OFFSET else ""


def _long_runs(full: Bool[np.ndarray, " time"]) -> int:
    """How many samples stand in a row of three or more.

    >>> _long_runs(np.array([False, True, True, True, False, True]))
    3
    """
    edges = np.flatnonzero(np.diff(full.astype(np.int8), prepend=0, append=0))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= CLIPPED_RUN].sum())
