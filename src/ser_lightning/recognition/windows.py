"""Windows of a wave, and what a trained network says of each.

The windows of evaluation do not overlap. Here they may begin every `hop` samples: the first at 0, the last where it
reaches the end, padded with zeros. With a hop of one window these are evaluation's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Float64, Int16, Int64

from ser_lightning.data.samples import Samples
from ser_lightning.evaluation.calibration import calibrated
from ser_lightning.frontend.frontend import to_float
from ser_lightning.precision import exact_float32

if TYPE_CHECKING:
    from ser_lightning.recognition.checkpoint import Trained


def num_windows(time: int, size: int, hop: int) -> int:
    """How many windows of `size` samples, `hop` apart, reach the end of `time` samples; one at least.

    >>> num_windows(6, 4, 2), num_windows(7, 4, 2), num_windows(7, 4, 4), num_windows(1, 4, 2)
    (2, 3, 2, 1)
    """
    return 1 + max(0, -(-(time - size) // hop))


def tiles(
    wave: Int16[np.ndarray, " time"], size: int, hop: int | None = None
) -> tuple[Int16[np.ndarray, "window time"], Int64[np.ndarray, " window"]]:
    """The windows of a clip, one after the other or `hop` apart, and how many samples of each are real.

    >>> tiles(np.array([1, 2, 3], dtype=np.int16), 2)[0].tolist()
    [[1, 2], [3, 0]]
    """
    apart = hop or size
    start = apart * np.arange(num_windows(len(wave), size, apart))
    length = np.minimum(size, len(wave) - start)
    windows = np.empty((len(start), size), np.int16)
    Samples(np.concatenate([wave, np.zeros(size, dtype=np.int16)])).gather(start, length, windows)
    return windows, length


@torch.inference_mode()
def window_probabilities(
    trained: Trained,
    windows: Int16[np.ndarray, "window time"],
    length: Int64[np.ndarray, " window"],
    *,
    batch_size: int,
) -> Float[np.ndarray, "window class"]:
    """The probabilities of each window before the temperature, in float32, on the device where the network is."""
    device = next(trained.network.parameters()).device
    rows = []
    with exact_float32():
        for first in range(0, len(windows), batch_size):
            part = slice(first, first + batch_size)
            wave = to_float(torch.from_numpy(windows[part]).to(device))
            image = trained.frontend(wave, torch.from_numpy(length[part]).to(device))
            logits = trained.network(image.contiguous(memory_format=torch.channels_last))
            rows.append(logits.softmax(1).cpu().numpy())
    return np.concatenate(rows)


def of_clip(
    probabilities: Float[np.ndarray, "window class"], length: Int64[np.ndarray, " window"], temperature: float
) -> Float64[np.ndarray, " class"]:
    """A clip's probabilities: the mean over its windows weighted by their real samples, then the temperature.

    >>> of_clip(np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([2, 1]), 1.0).round(3).tolist()
    [0.7, 0.3]
    """
    mean = np.average(probabilities.astype(np.float64), axis=0, weights=length)
    clip: Float64[np.ndarray, " class"] = calibrated(mean[None], temperature)[0]
    return clip
