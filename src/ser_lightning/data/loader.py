"""Batches in their order, the next one made while the last is used.

A request is a whole batch, so nothing is batched or collated here. A thread makes the next batch: what it does is one
copy from the memory map, and waiting for the disk, if any, is then its own. Worker processes do the same on more cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import torch
from torch.utils.data import DataLoader

from ser_lightning.data.batch import Batch, Places
from ser_lightning.data.windows import EvalBatches, Positions, Request, TrainBatches, Windows

Item = TypeVar("Item")


class BatchLoader:
    """Iterates over what `windows` answers to the requests of `sampler`, which Lightning tells the epoch.

    With `workers` > 0 so many processes answer, and `pinned` has their batches copied to pinned memory.
    """

    def __init__(
        self, windows: Windows | Positions, sampler: TrainBatches | EvalBatches, *, workers: int, pinned: bool
    ) -> None:
        self.windows = windows
        self.sampler = sampler
        self.taken = 0
        self.batch_sampler = None  # Lightning asks for one; requests are whole batches already
        self.processes: DataLoader[Batch | Places] | None = None
        if workers:
            requests = cast("torch.utils.data.Sampler[Request]", sampler)
            self.processes = DataLoader(
                cast("torch.utils.data.Dataset[Batch | Places]", windows),
                batch_size=None,
                sampler=requests,
                num_workers=workers,
                pin_memory=pinned,
                persistent_workers=True,
            )

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch | Places]:
        self.taken = self.sampler.first
        made = ahead(self.windows[request] for request in self.sampler) if self.processes is None else self.processes
        for batch in made:
            self.taken += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """The epoch and how many of its batches were taken; what is read ahead is not."""
        return {"epoch": self.sampler.epoch, "batch": self.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin after the batches that were taken."""
        self.sampler.start_at(state["epoch"], state["batch"])


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each made by another thread while the one before it is used.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield cast("Item", item)
