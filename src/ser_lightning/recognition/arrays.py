"""Arrays of samples as they come from soundfile, sounddevice, SciPy or a web page, as our audio takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ser_lightning.data.audio import FULL_SCALE, Decoded

MOST_CHANNELS = 32
UINT8_MIDDLE = 128
INT32_SCALE = 2.0**31


def as_samples(array: npt.NDArray[Any]) -> Decoded:
    """[time] or [time channel] of floats within -1 and 1, int16, int32 or uint8, as [time channel], float32 or int16.

    Raises ValueError for other shapes and types.

    >>> as_samples(np.array([0, 128, 255], dtype=np.uint8)).ravel().tolist()
    [-1.0, 0.0, 0.9921875]
    """
    wave = array[:, None] if array.ndim == 1 else array
    if wave.ndim != 2 or not 1 <= wave.shape[1] <= MOST_CHANNELS:
        shape = " x ".join(map(str, array.shape))
        raise ValueError(
            f"samples must be [time] or [time channel], with 1 to {MOST_CHANNELS} channels; these are [{shape}]. "
            "Samples with the channels first, as torchaudio gives them, must be transposed"
        )
    if wave.dtype == np.int16:
        return wave
    if wave.dtype == np.uint8:
        return (wave.astype(np.float32) - UINT8_MIDDLE) / UINT8_MIDDLE
    if wave.dtype == np.int32:
        return (wave / INT32_SCALE).astype(np.float32)
    if not np.issubdtype(wave.dtype, np.floating):
        raise ValueError(f"samples must be floats within -1 and 1, int16, int32 or uint8; these are {wave.dtype}")
    _refuse_integers_as_floats(wave)
    return wave.astype(np.float32)


def _refuse_integers_as_floats(wave: npt.NDArray[Any]) -> None:
    """16-bit samples that became floats without a division would be clamped to noise."""
    largest = float(np.abs(wave).max(initial=0.0))
    if np.isfinite(largest) and largest > FULL_SCALE / 100:
        raise ValueError(
            f"floating-point samples must lie within -1 and 1; the largest of these is {largest:g}. Divide by 32768 "
            "what was 16-bit"
        )
