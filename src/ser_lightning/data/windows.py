"""Which stretch of which clip goes into which batch: random crops for training, tiles for evaluation.

A sampler yields whole requests (arrays, one entry a window) and the dataset answers one with a copy of each window from
the memory map, so that no sample is ever handled by Python alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from ser_lightning.counted import Key, uniform, visited
from ser_lightning.data.batch import Batch, Facts, Places
from ser_lightning.data.samples import Samples
from ser_lightning.data.sampling import Int, epoch_order


class Layout(NamedTuple):
    """Where the clips of the run's table lie in the store, in samples."""

    offset: Int
    length: Int


class Request(NamedTuple):
    """The windows of one batch: first sample in the store, real samples, row in the table; visit and epoch.

    `visit` is how often the clip was drawn before in this epoch.
    """

    start: Int
    length: Int
    clip: Int
    visit: Int
    epoch: int


class Windows(Dataset[Batch]):
    """Answers a Request with a Batch of `window` samples each, in pinned memory where a GPU is to copy from it."""

    def __init__(
        self, samples: Samples, targets: npt.NDArray[np.float32], *, window: int, pinned: bool = False
    ) -> None:
        self.samples = samples
        self.targets = targets
        self.window = window
        self.pinned = pinned

    def __getitem__(self, request: Request) -> Batch:
        """One gather of all windows of a request."""
        wave = torch.empty(len(request.clip), self.window, dtype=torch.int16, pin_memory=self.pinned)
        self.samples.gather(request.start, request.length, wave.numpy())
        return Batch(wave, _facts(request, self.targets))


class Positions(Dataset[Places]):
    """Answers a Request with the places of its windows, for samples that lie on the device already."""

    def __init__(self, targets: npt.NDArray[np.float32]) -> None:
        self.targets = targets

    def __getitem__(self, request: Request) -> Places:
        """Where the windows of a request begin, and what is known of them."""
        return Places(torch.from_numpy(request.start), _facts(request, self.targets))


def _facts(request: Request, targets: npt.NDArray[np.float32]) -> Facts:
    numbers = (request.length, request.clip, targets[request.clip], request.visit)
    length, clip, target, visit = map(torch.from_numpy, numbers)
    return Facts(length, clip, target, visit, request.epoch)


class TrainBatches(Sampler[Request]):
    """Random crops of the clips that an epoch draws (see `epoch_order`), in an order drawn from (seed, epoch).

    Without `groups` every clip comes once. The clips that do not fill a last batch wait for another epoch, so
    batch statistics never come from a few. Each of `world` ranks takes its share of every global batch.
    """

    def __init__(
        self,
        layout: Layout,
        rows: Int,
        *,
        window: int,
        batch_size: int,
        seed: int,
        groups: Int | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.layout, self.rows, self.window, self.seed, self.groups = layout, rows, window, seed, groups
        self.batch_size = min(batch_size, max(1, len(rows) // world))
        self.rank, self.world = rank, world
        self.epoch, self.first = 0, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration draws, from its beginning if it is another; Lightning calls it."""
        self.first = self.first if epoch == self.epoch else 0
        self.epoch = epoch

    def start_at(self, epoch: int, batch: int) -> None:
        """Have the next iteration begin with this batch of this epoch."""
        self.epoch, self.first = epoch, batch

    def __len__(self) -> int:
        return len(self.rows) // (self.batch_size * self.world)

    def __iter__(self) -> Iterator[Request]:
        order, visits = epoch_order(self.rows, self.groups, np.random.default_rng([self.seed, self.epoch]))
        for batch in range(self.first, len(self)):
            first = (batch * self.world + self.rank) * self.batch_size
            taken = slice(first, first + self.batch_size)
            yield self._crops(order[taken], visits[taken])

    def _crops(self, clip: Int, visit: Int) -> Request:
        offset, length = self.layout.offset[clip], self.layout.length[clip]
        key = Key(self.seed, self.epoch, visited(torch.from_numpy(clip), torch.from_numpy(visit)))
        chance = uniform(key, "crop").numpy().astype(np.float64)
        room = np.maximum(length - self.window, 0)
        start = offset + np.floor(chance * (room + 1)).astype(np.int64)
        return Request(start, np.minimum(length, self.window), clip, visit, self.epoch)


class EvalBatches(Sampler[Request]):
    """Every clip tiled with windows that do not overlap, the last one padded; in the table's order.

    Batches hold up to `batch_size` windows; a clip may lie in two of them, as its windows are averaged by clip.
    Several ranks take whole batches in turn, so that each batch is what it is on one process. All have as many, as the
    parameters of a network may lie on several ranks, which then must step together: where there is no batch left, the
    last one is repeated, and whoever puts the ranks' windows together stops after `num_windows`.
    """

    def __init__(
        self, layout: Layout, rows: Int, *, window: int, batch_size: int, rank: int = 0, world: int = 1
    ) -> None:
        count = np.maximum(1, -(-layout.length[rows] // window))
        clip = np.repeat(rows, count)
        place = np.arange(len(clip)) - np.repeat(count.cumsum() - count, count)
        self.requests = Request(
            start=layout.offset[clip] + place * window,
            length=np.minimum(window, layout.length[clip] - place * window),
            clip=clip,
            visit=np.zeros_like(clip),
            epoch=0,
        )
        self.num_windows = len(clip)
        self.batch_size = batch_size
        self.rank, self.world = rank, world
        self.epoch, self.first = 0, 0

    def start_at(self, epoch: int, batch: int) -> None:
        """Have iterations begin with this batch; all epochs are alike."""
        self.epoch, self.first = epoch, batch

    def __len__(self) -> int:
        return -(-self._num_batches() // self.world)

    def __iter__(self) -> Iterator[Request]:
        start, length, clip, visit, epoch = self.requests
        for turn in range(self.first, len(self)):
            batch = min(turn * self.world + self.rank, self._num_batches() - 1)
            part = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
            yield Request(start[part], length[part], clip[part], visit[part], epoch)

    def _num_batches(self) -> int:
        """Those of all ranks together, none repeated."""
        return -(-self.num_windows // self.batch_size)
