"""How loud each clip is, and how long nothing is heard at its ends: read from the store, one clip at a time.

Level is a cue: of the emotion (shouting), and of the speaker (a microphone's distance), so a corpus card shows it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Int16

from ser_lightning.data.samples import Samples

FULL_SCALE = 32768.0
AUDIBLE_DB = -40.0
"""Sound begins and ends where the samples first and last come this near to the clip's peak."""
AUDIBLE = 10.0 ** (AUDIBLE_DB / 20.0)


class Levels(NamedTuple):
    """Of one clip: RMS in dBFS; samples before sound begins, after it ends, and of exact zero at the start."""

    rms_db: float
    lead: int
    trail: int
    zeros: int


def levels(wave: Int16[np.ndarray, " time"]) -> Levels:
    """Measure a clip that is not silent throughout.

    RMS over the whole clip, rms_db = 10 log10(mean(x^2)) with x in [-1, 1): a full-scale square is 0 dBFS, a
    full-scale sine -3.01 dBFS.

    >>> levels(np.array([0, 0, 3276, -32768, 1, 0], dtype=np.int16))[1:]
    (2, 2, 2)
    """
    scaled = wave.astype(np.float32) / np.float32(FULL_SCALE)
    size = np.abs(scaled)
    peak = size.max()
    assert peak > 0, "the store holds no clip of zeros alone"
    audible = size >= AUDIBLE * peak
    power = float(np.dot(scaled, scaled)) / len(scaled)
    return Levels(
        10.0 * np.log10(power).item(), int(audible.argmax()), int(audible[::-1].argmax()), int((wave != 0).argmax())
    )


def with_levels(table: pl.DataFrame, samples: Samples, rate: int) -> pl.DataFrame:
    """The clips with `rms_db` (dBFS) and `lead`, `trail` and `zeros` in seconds.

    Columns offset and length say where each lies in `samples`; memory is that of the longest clip.
    """
    places = table.select("offset", "length").iter_rows()
    measured = [levels(samples.read(offset, length)) for offset, length in places]
    columns = pl.DataFrame(measured, schema=Levels._fields, orient="row")
    seconds = [pl.col(name) / rate for name in ("lead", "trail", "zeros")]
    return pl.concat([table, columns.with_columns(seconds)], how="horizontal")
