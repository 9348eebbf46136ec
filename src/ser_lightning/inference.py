"""The pass that writes predictions: every window of some rows, in float32, averaged by clip.

In float32 whatever the training precision was, so that every later tool can agree with it. The processes of a run
share the batches, each of which is the same whatever their number, and all get the whole result.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ser_lightning.clip_average import ClipAverage
from ser_lightning.data.module import SpeechData
from ser_lightning.models.network import EmotionNetwork
from ser_lightning.precision import exact_float32


@torch.inference_mode()
def predict_rows(
    network: EmotionNetwork,
    data: SpeechData,
    rows: npt.NDArray[np.int64],
    *,
    num_classes: int,
    device: torch.device,
) -> tuple[Int64[Tensor, clip], Float[Tensor, "clip class"]]:
    """The rows in the table's order, and the probabilities of each."""
    network = network.to(device).eval()
    data.frontend.to(device)
    averages = ClipAverage(len(data.parts), num_classes, device)
    with exact_float32():
        for batch in data.evaluation_loader(rows):
            windows = data.images(data.transfer_batch_to_device(batch, device, 0), training=False)
            logits = network(windows.image.contiguous(memory_format=torch.channels_last))
            averages.add(logits.softmax(1), windows.length, windows.clip, windows.target)
    clip, probabilities, _ = averages.result(data.evaluation_batches(rows).num_windows)
    return clip.cpu(), probabilities.cpu()
