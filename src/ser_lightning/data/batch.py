"""What travels from the memory map to the device, and what the network then sees."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float, Int16, Int64
from torch import Tensor


class Batch(NamedTuple):
    """Windows of clips as they leave the host: int16, half the bytes of float32.

    `length` counts the real samples of each window, the rest are zeros. `clip` is the row in the run's table;
    `target` the probability of each class, one-hot for hard labels. `visit` and `epoch`, with the clip, are what
    augmentation is counted by: a clip that is drawn twice in an epoch is augmented in two ways.
    """

    wave: Int16[Tensor, "batch time"]
    length: Int64[Tensor, batch]
    clip: Int64[Tensor, batch]
    target: Float[Tensor, "batch class"]
    visit: Int64[Tensor, batch]
    epoch: int


class Images(NamedTuple):
    """The same windows as images for the backbone."""

    image: Float[Tensor, "batch channel height width"]
    length: Int64[Tensor, batch]
    clip: Int64[Tensor, batch]
    target: Float[Tensor, "batch class"]
