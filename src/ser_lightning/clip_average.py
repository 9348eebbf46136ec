"""From windows to clips: probabilities averaged over a clip's windows, weighted by their real samples.

Of several processes each evaluates whole batches in turn (see data/windows.py). All their windows are put back into the
one order that a single process has them in before anything is summed, so that the sums are the same to the last bit.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ser_lightning.collectives import gathered


class Scored(NamedTuple):
    """Windows that the network has seen: `length` counts their real samples, `clip` says whose they are."""

    probabilities: Float[Tensor, "batch class"]
    length: Int64[Tensor, batch]
    clip: Int64[Tensor, batch]
    target: Float[Tensor, "batch class"]


class ClipAverage:
    """Collects windows; the windows of a clip may come in several batches.

    Everything stays on the device until `result` is asked for.
    """

    def __init__(self, num_clips: int, num_classes: int, device: torch.device | str = "cpu") -> None:
        self.num_clips = num_clips
        self.none = Scored(
            torch.zeros(0, num_classes, device=device),
            torch.zeros(0, dtype=torch.int64, device=device),
            torch.zeros(0, dtype=torch.int64, device=device),
            torch.zeros(0, num_classes, device=device),
        )
        self.batches: list[Scored] = []

    def add(
        self,
        probabilities: Float[Tensor, "batch class"],
        length: Int64[Tensor, batch],
        clip: Int64[Tensor, batch],
        target: Float[Tensor, "batch class"],
    ) -> None:
        """Add a batch of windows."""
        self.batches.append(Scored(probabilities.float(), length, clip, target))

    def result(
        self, num_windows: int | None = None
    ) -> tuple[Int64[Tensor, clip], Float[Tensor, "clip class"], Float[Tensor, "clip class"]]:
        """The clips seen, in order, their probabilities and their targets; the same on every process.

        All processes must ask. Windows after the first `num_windows` are repeated ones, and left out.
        """
        probabilities, length, clip, target = (column[:num_windows] for column in self._of_all_processes())
        weight = length.to(torch.float32)
        weights = weight.new_zeros(self.num_clips).index_add_(0, clip, weight)
        sums = probabilities.new_zeros(self.num_clips, probabilities.shape[1])
        sums.index_add_(0, clip, probabilities * weight[:, None])
        targets = target.new_zeros(self.num_clips, target.shape[1])
        targets[clip] = target
        seen = torch.nonzero(weights > 0).flatten()
        return seen, sums[seen] / weights[seen, None], targets[seen]

    def _of_all_processes(self) -> Scored:
        """All windows, in the order in which the processes took their batches."""
        batches = self.batches or [self.none]
        sizes = gathered(torch.tensor([len(batch.clip) for batch in batches], device=self.none.clip.device))
        columns = (gathered(torch.cat(column)) for column in zip(*batches, strict=True))
        return Scored(*(in_turn(column, [size.tolist() for size in sizes]) for column in columns))


def in_turn(columns: list[Tensor], sizes: list[list[int]]) -> Tensor:
    """Rows of several processes in one order: the first batch of each, then the second of each, and so on.

    Every process has as many batches; `sizes` are their numbers of rows.

    >>> in_turn([torch.tensor([0, 1, 4]), torch.tensor([2, 3, 5])], [[2, 1], [2, 1]]).tolist()
    [0, 1, 2, 3, 4, 5]
    """
    batches = (torch.split(column, size) for column, size in zip(columns, sizes, strict=True))
    return torch.cat(list(chain.from_iterable(zip(*batches, strict=True))))
