"""What travels from the memory map to the device, and what the network then sees."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int16, Int64
from torch import Tensor


class Facts(NamedTuple):
    """What is known of the windows of a batch.

    `length` counts the real samples of each, the rest are zeros. `clip` is the row in the run's table; `target` the
    probability of each class, one-hot for hard labels. `visit` and `epoch`, with the clip, are what augmentation is
    counted by: a clip that is drawn twice in an epoch is augmented in two ways.
    """

    length: Int64[Tensor, batch]
    clip: Int64[Tensor, batch]
    target: Float[Tensor, "batch class"]
    visit: Int64[Tensor, batch]
    epoch: int

    def moved(self, device: torch.device) -> Facts:
        """The same on a device; the host does not wait."""
        length, clip, target, visit = (tensor.to(device, non_blocking=True) for tensor in self[:4])
        return Facts(length, clip, target, visit, self.epoch)


class Batch(NamedTuple):
    """Windows of clips as they leave the host: int16, half the bytes of float32."""

    wave: Int16[Tensor, "batch time"]
    facts: Facts


class Places(NamedTuple):
    """The same windows where the samples lie on the device already: each begins at sample `start` of the store."""

    start: Int64[Tensor, batch]
    facts: Facts


class Images(NamedTuple):
    """The same windows as images for the backbone."""

    image: Float[Tensor, "batch channel height width"]
    length: Int64[Tensor, batch]
    clip: Int64[Tensor, batch]
    target: Float[Tensor, "batch class"]
