"""A store that is being made: samples, fingerprints and a journal that grow together, and survive a kill.

The journal has a line a clip, written after the clip's samples and fingerprint. What is on disk without a line there
is cut off when the work goes on; a line whose samples did not reach the disk, as after a power failure, is too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float32, Int16

from ser_lightning.data.fingerprint import NUM_BINS
from ser_lightning.data.samples import Samples, map_samples, shard_length, shard_path, shard_paths
from ser_lightning.data.sampling import Int

PRINT_BYTES = 4 * NUM_BINS
NEWLINE = ord("\n")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One clip in the store: its samples' number and hash, its file's rate and channels; or why it has none.

    `sound` is the hash of its samples without the zeros around them and without their level: see `bare`.
    """

    length: int = 0
    hash: str = ""
    sound: str = ""
    file_rate: int = 0
    channels: int = 0
    note: str = ""
    error: str = ""


SCHEMA = pl.Schema(
    {
        "length": pl.Int64,
        "hash": pl.String,
        "sound": pl.String,
        "file_rate": pl.Int32,
        "channels": pl.Int32,
        "note": pl.String,
        "error": pl.String,
    }
)
"""An Entry as columns."""


class Decoded(NamedTuple):
    """Some clips: their entries, their samples one behind the other, and a fingerprint each."""

    entries: Sequence[Entry]
    samples: Int16[np.ndarray, " time"]
    prints: Float32[np.ndarray, "clip feature"]


class Unfinished:
    """The folder of a store that is being made, whose first `num_clips` clips are there.

    `tail` zeros or some more end a shard, whose clips have no more than `shard_size` samples unless one alone has more.
    """

    def __init__(self, folder: Path, *, tail: int, shard_size: int) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.tail, self.shard_size = folder, tail, shard_size
        self._journal, self._prints = folder / "journal.jsonl", folder / "prints.f32"
        self.num_clips, self._shard, self._filled = self._resume()

    def append(self, chunk: Decoded) -> None:
        """Write the next clips, the journal last."""
        length = np.array([entry.length for entry in chunk.entries], np.int64)
        numbers = self._shard + shard_numbers(length, self.shard_size, self._filled)
        first = 0
        for number in np.unique(numbers).tolist():
            if number > self._shard:
                self.end_shard()
                self._shard, self._filled = number, 0
            num = int(length[numbers == number].sum())
            _append(shard_path(self.folder, number), chunk.samples[first : first + num].data)
            self._filled += num
            first += num
        _append(self._prints, chunk.prints.data)
        _append(self._journal, "".join(json.dumps(vars(entry)) + "\n" for entry in chunk.entries).encode())
        self.num_clips += len(chunk.entries)

    def end_shard(self) -> None:
        """Put the zeros behind the last clip."""
        os.truncate(shard_path(self.folder, self._shard), 2 * shard_length(self._filled, self.tail))

    def index(self) -> pl.DataFrame:
        """The entries of all clips as columns, and `offset`, their address in the samples."""
        entries = _columns(self._journal.read_bytes())
        length = entries["length"].to_numpy()
        numbers = shard_numbers(length, self.shard_size)
        filled = _filled(length, numbers)
        zeros = np.cumsum([0, *(shard_length(size, self.tail) - size for size in filled)])  # before each shard
        offset = length.cumsum() - length + zeros[numbers]
        return entries.with_columns(offset=pl.Series(offset, dtype=pl.Int64))

    def samples(self) -> Samples:
        """The samples of all clips, mapped from disk."""
        return map_samples(self.folder, self.num_shards)

    def prints(self) -> Float32[np.ndarray, "clip feature"]:
        """The fingerprints of all clips, mapped from disk."""
        return np.memmap(self._prints, dtype="<f4", mode="r").reshape(-1, NUM_BINS)

    @property
    def num_shards(self) -> int:
        """How many shards the clips fill."""
        return self._shard + 1

    def forget(self) -> None:
        """Remove what only making it needed."""
        self._prints.unlink()
        self._journal.unlink()

    def _resume(self) -> tuple[int, int, int]:
        """Cut all files back to the clips that are whole in each: their number, the last shard, its samples."""
        for path in (self._journal, self._prints, shard_path(self.folder, 0)):
            _append(path, b"")
        text = self._journal.read_bytes()
        line_ends = np.flatnonzero(np.frombuffer(text, np.uint8) == NEWLINE) + 1
        length = _columns(text[: line_ends[-1]] if len(line_ends) else b"")["length"].to_numpy()
        numbers = shard_numbers(length, self.shard_size)
        num = min(self._num_whole(length, numbers), self._prints.stat().st_size // PRINT_BYTES)
        os.truncate(self._journal, int(line_ends[num - 1]) if num else 0)
        os.truncate(self._prints, num * PRINT_BYTES)
        filled = _filled(length[:num], numbers[:num])
        for number, size in enumerate(filled):
            whole = shard_length(size, self.tail) if number < len(filled) - 1 else size
            os.truncate(shard_path(self.folder, number), 2 * whole)
        for path in shard_paths(self.folder)[len(filled) :]:
            path.unlink()
        return num, len(filled) - 1, filled[-1]

    def _num_whole(self, length: Int, numbers: Int) -> int:
        """Of the journalled clips those before the first whose samples are not all on disk."""
        ends = length.cumsum()
        before = (ends - length)[np.searchsorted(numbers, numbers)]
        paths = [shard_path(self.folder, number) for number in range(int(numbers.max(initial=0)) + 1)]
        there = np.array([path.stat().st_size // 2 if path.exists() else -1 for path in paths])
        missing = ends - before > there[numbers]
        return int(np.append(missing, True).argmax())


def shard_numbers(length: Int, size: int, filled: int = 0) -> Int:
    """The shard of each clip, from 0 where `filled` samples lie already: a clip that does not fit opens the next.

    >>> shard_numbers(np.array([3, 2, 1, 9, 1]), 5).tolist()
    [0, 0, 1, 2, 3]
    """
    numbers, number = [], 0
    for num in length.tolist():
        if filled and filled + num > size:
            number, filled = number + 1, 0
        filled += num
        numbers.append(number)
    return np.array(numbers, np.int64)


def _filled(length: Int, numbers: Int) -> list[int]:
    """How many samples of clips each shard has; one shard at least."""
    filled: list[int] = np.bincount(numbers, length, minlength=1).astype(np.int64).tolist()
    return filled


def _columns(journal: bytes) -> pl.DataFrame:
    return pl.read_ndjson(journal, schema=SCHEMA) if journal else pl.DataFrame(schema=SCHEMA)


def _append(path: Path, data: bytes | memoryview) -> None:
    with path.open("ab") as file:
        file.write(data)
