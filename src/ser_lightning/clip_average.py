"""From windows to clips: probabilities averaged over a clip's windows, weighted by their real samples."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor


class ClipAverage:
    """Sums over windows by clip; the windows of a clip may come in any order and in several batches.

    Everything stays on the device until `result` is asked for.
    """

    def __init__(self, num_clips: int, num_classes: int, device: torch.device | str = "cpu") -> None:
        self.sum = torch.zeros(num_clips, num_classes, device=device)
        self.weight = torch.zeros(num_clips, device=device)
        self.target = torch.zeros(num_clips, num_classes, device=device)

    def add(
        self,
        probabilities: Float[Tensor, "batch class"],
        length: Int64[Tensor, batch],
        clip: Int64[Tensor, batch],
        target: Float[Tensor, "batch class"],
    ) -> None:
        """Add windows: `length` counts their real samples, `clip` says whose they are."""
        weight = length.to(torch.float32)
        self.sum.index_add_(0, clip, probabilities.float() * weight[:, None])
        self.weight.index_add_(0, clip, weight)
        self.target[clip] = target

    def result(
        self,
    ) -> tuple[Int64[Tensor, clip], Float[Tensor, "clip class"], Float[Tensor, "clip class"]]:
        """The clips seen, in order, their probabilities and their targets."""
        clip = torch.nonzero(self.weight > 0).flatten()
        return clip, self.sum[clip] / self.weight[clip, None], self.target[clip]
