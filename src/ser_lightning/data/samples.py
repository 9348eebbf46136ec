"""The int16 samples of a store: several files (shards) behind one another, as one address space.

A clip never lies in two shards, and each shard ends with zeros that are longer than any window, so that a window may
be cut anywhere without looking at the end. Addresses count those zeros: a copy of all shards, one behind the other in
one array, needs no other index than the shards do.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ser_lightning.data.sampling import Int


class Samples:
    """Reads clips and windows of `shards`, int16 [time] each, by their address in all of them joined.

    >>> samples = Samples([np.array([1, 2, 0, 0], np.int16), np.array([3, 4, 5, 0, 0], np.int16)])
    >>> len(samples), samples.read(4, 3)
    (9, array([3, 4, 5], dtype=int16))
    """

    def __init__(self, shards: Iterable[npt.NDArray[np.int16]]) -> None:
        self.shards = tuple(np.asarray(shard) for shard in shards)
        ends = np.cumsum([len(shard) for shard in self.shards], dtype=np.int64)
        self._first = np.concatenate([np.zeros(1, np.int64), ends])
        """The address of each shard's first sample, and behind them the number of all."""

    def __len__(self) -> int:
        return int(self._first[-1])

    def read(self, offset: int, length: int) -> npt.NDArray[np.int16]:
        """The samples of one clip: a view, no copy."""
        number = self._shard(offset)
        first = offset - int(self._first[number])
        return self.shards[number][first : first + length]

    def gather(self, start: Int, length: Int, out: npt.NDArray[np.int16]) -> None:
        """Windows from the addresses `start` into `out` [batch time], zeros after each window's own `length`.

        A window is one copy from the map into its row, and nothing lies between: one index for all windows would
        fill an array of its own first, whose fresh memory costs many times what copying does.

        >>> samples = Samples([np.array([1, 2, 0, 0], np.int16), np.array([3, 4, 5, 0, 0], np.int16)])
        >>> samples.gather(np.array([1, 4, 5]), np.array([1, 2, 2]), out := np.empty((3, 2), np.int16))
        >>> out
        array([[2, 0],
               [3, 4],
               [4, 5]], dtype=int16)
        """
        numbers = self._shard(start)
        firsts = start - self._first[numbers]
        for row, number, first, num in zip(out, numbers.tolist(), firsts.tolist(), length.tolist(), strict=True):
            row[:num] = self.shards[number][first : first + num]
            row[num:] = 0

    def _shard(self, address: Int | int) -> Int:
        numbers: Int = np.searchsorted(self._first[:-1], address, side="right") - 1
        return numbers


def map_samples(folder: Path, num_shards: int) -> Samples:
    """The shards of a store, mapped from disk."""
    return Samples(np.memmap(shard_path(folder, number), dtype="<i2", mode="r") for number in range(num_shards))


def shard_path(folder: Path, number: int) -> Path:
    """The file of a shard; in order of name they are in order of number."""
    return folder / f"samples-{number:05}.i16"


def shard_paths(folder: Path) -> list[Path]:
    """The files of all shards that are there, in their order."""
    return sorted(folder.glob("samples-*.i16"))
