"""The int16 samples of a store: several files (shards) that are one array.

A clip never lies in two shards, and each shard ends with zeros that are longer than any window, so that a window may
be cut anywhere without looking at the end. Shards are mapped side by side, so that an address needs no shard: a window
of a million clips is taken as one of a thousand is, and a copy for a device is the array as it stands.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ser_lightning.data.sampling import Int

GRAIN = 2**15
"""A shard's file has a multiple of so many samples, 64 KiB: the largest page of memory that is in use."""
MAP_FIXED = 0x10


class Samples:
    """Clips and windows of `flat`, int16 [time], by their address in it.

    >>> samples = Samples(np.array([1, 2, 3, 4, 0, 0], np.int16))
    >>> len(samples), samples.read(1, 3)
    (6, array([2, 3, 4], dtype=int16))
    """

    def __init__(self, flat: npt.NDArray[np.int16]) -> None:
        self.flat = flat

    def __len__(self) -> int:
        return len(self.flat)

    def read(self, offset: int, length: int) -> npt.NDArray[np.int16]:
        """The samples of one clip: a view, no copy."""
        return self.flat[offset : offset + length]

    def gather(self, start: Int, length: Int, out: npt.NDArray[np.int16]) -> None:
        """Windows from the addresses `start` into `out` [batch time], zeros after each window's own `length`.

        The samples are seen as all their windows, one a sample apart, so that one index takes each window as one copy.
        By NumPy, in the calling thread alone: torch would wake threads of its own beside those of the network.

        >>> samples = Samples(np.array([1, 2, 3, 4, 5, 0, 0], np.int16))
        >>> samples.gather(np.array([0, 3]), np.array([1, 2]), out := np.empty((2, 2), np.int16))
        >>> out.tolist()
        [[1, 0], [4, 5]]
        """
        window = out.shape[1]
        out[:] = sliding_window_view(self.flat, window)[start]
        short = np.flatnonzero(length < window)
        if len(short):
            out[short] *= np.arange(window) < length[short, None]


def shard_length(filled: int, tail: int) -> int:
    """Samples of a shard's file: those of its clips, `tail` zeros or more, and no part of a grain.

    >>> shard_length(0, 1), shard_length(GRAIN - 1, 1), shard_length(GRAIN, 1)
    (32768, 32768, 65536)
    """
    return -(-(filled + tail) // GRAIN) * GRAIN


def map_samples(folder: Path, num_shards: int) -> Samples:
    """The shards of a store, mapped from disk."""
    paths = [shard_path(folder, number) for number in range(num_shards)]
    if num_shards == 1:
        return Samples(np.asarray(np.memmap(paths[0], dtype="<i2", mode="r")))
    return Samples(side_by_side(paths))


def side_by_side(paths: Sequence[Path]) -> npt.NDArray[np.int16]:
    """Files of whole pages as one array that cannot be written to, mapped until the last view of it is gone.

    Addresses for all are reserved in one piece, and each file is mapped over its part of them. This is POSIX's own
    mmap, as Python's cannot choose an address. Raises OSError where a file cannot be mapped.
    """
    sizes = [path.stat().st_size for path in paths]
    assert all(size and size % mmap.PAGESIZE == 0 for size in sizes), "shards are whole pages"
    system = ctypes.CDLL(None, use_errno=True)
    system.mmap.restype = ctypes.c_void_p
    system.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64)
    system.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    whole = sum(sizes)
    base = _mapped(system, None, whole, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1)
    held = (ctypes.c_int16 * (whole // 2)).from_address(base)
    weakref.finalize(held, system.munmap, base, whole)
    for path, size, end in zip(paths, sizes, np.cumsum(sizes).tolist(), strict=True):
        with path.open("rb") as file:
            _mapped(system, base + end - size, size, mmap.PROT_READ, mmap.MAP_SHARED | MAP_FIXED, file.fileno())
    flat: npt.NDArray[np.int16] = np.frombuffer(memoryview(held), dtype="<i2")
    flat.flags.writeable = False
    return flat


def _mapped(system: ctypes.CDLL, address: int | None, size: int, protection: int, flags: int, file: int) -> int:
    found: int | None = system.mmap(address, size, protection, flags, file, 0)
    if found is None or found == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), f"cannot map {size} bytes of samples: {os.strerror(ctypes.get_errno())}")
    return found


def shard_path(folder: Path, number: int) -> Path:
    """The file of a shard; in order of name they are in order of number."""
    return folder / f"samples-{number:05}.i16"


def shard_paths(folder: Path) -> list[Path]:
    """The files of all shards that are there, in their order."""
    return sorted(folder.glob("samples-*.i16"))
