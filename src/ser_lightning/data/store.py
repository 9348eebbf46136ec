"""Many files -> flat int16 files and an index: decoded once, memory-mapped ever after.

A store is a folder named by what it was made of (each file's path, size and modification time, the rate, the
format's version). It is made beside its final name and renamed when whole (see data/making.py); one process prepares,
others wait. Opening maps the samples and the columns of the index, as they lie on disk.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import filelock
import polars as pl

from ser_lightning.data.making import ABOUT, INDEX, PAIRS, decoded, make_store
from ser_lightning.data.samples import Samples, map_samples
from ser_lightning.data.sources import Sources
from ser_lightning.files import map_columns
from ser_lightning.terminal import err

FORMAT = 3
TAIL_SECONDS = 30
"""Zeros after the last clip of a shard, at least, so that a window may be cut anywhere without looking at the end."""
SHARD_SIZE = 2**31
"""Samples of a shard without those zeros, 4 GB: a million clips are some twenty files. A longer clip has its own."""
READABLE = 0o444


@dataclass(frozen=True)
class Store:
    """A prepared corpus: `samples` mapped from disk, and `index` with a row a source, in their order.

    `pairs` has rows of the index that are one recording though their `hash` differs (of rows with one hash only the
    first is named): a < b, and their correlation.
    """

    folder: Path
    rate: int
    samples: Samples
    index: pl.DataFrame
    pairs: pl.DataFrame


def prepare(
    clips: Sources,
    *,
    name: str,
    cache_dir: Path,
    rate: int,
    workers: int | None = None,
    shard_size: int = SHARD_SIZE,
) -> Store:
    """Open the store of these clips, and make it first where there is none.

    `rate` in Hz, `shard_size` in samples. Clips that cannot be used are in the index too, with their reason.
    """
    folder = cache_dir / f"{name}-{store_key(clips, rate, shard_size)}"
    if not folder.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(f"{folder}.lock")
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            err.print(f"another process prepares {folder}; waiting for it")
            lock.acquire()
        try:
            if not folder.exists():
                make_store(
                    clips,
                    folder,
                    about={"format": FORMAT, "rate": rate, "clips": len(clips)},
                    rate=rate,
                    workers=workers or os.cpu_count() or 1,
                    tail=TAIL_SECONDS * rate,
                    shard_size=shard_size,
                )
        finally:
            lock.release()
    return open_store(folder)


def open_store(folder: Path) -> Store:
    """Open a finished store: samples and index are mapped, so that it costs neither time nor memory."""
    about = json.loads((folder / ABOUT).read_text())
    index, pairs = (map_columns(folder / name) for name in (INDEX, PAIRS))
    return Store(folder, about["rate"], map_samples(folder, about["shards"]), index, pairs)


def store_key(clips: Sources, rate: int, shard_size: int = SHARD_SIZE) -> str:
    """16 hex digits that change with any file's path, size or modification time, the rate, or the format."""
    digest = hashlib.blake2b(f"{FORMAT} {rate} {shard_size}".encode(), digest_size=8)
    for path, start, end, copies in clips.table.iter_rows():
        for file in (path, *(copies or ())):
            digest.update(f"\0{os.path.abspath(file)}\0{_stamp(file)}".encode())  # noqa: PTH100 (a string is enough)
        digest.update(f"\0{start}\0{end}".encode())
    return digest.hexdigest()


def changed_clips(store: Store, clips: Sources, workers: int | None = None) -> list[int]:
    """Read every file again; the rows whose samples are no longer those of the store."""
    chunks = decoded(clips, store.rate, workers or os.cpu_count() or 1)
    found = (entry for chunk in chunks for entry in chunk.entries)
    return [row for row, (entry, old) in enumerate(zip(found, store.index["hash"], strict=True)) if entry.hash != old]


def _stamp(path: str) -> str:
    try:
        stat = os.stat(path)  # noqa: PTH116 (a million Path objects are slow)
    except OSError:
        return "missing"
    readable = stat.st_mode & READABLE == READABLE or os.access(path, os.R_OK)
    return f"{stat.st_size} {stat.st_mtime_ns} {readable}"
