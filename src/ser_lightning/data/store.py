"""Many files -> one flat int16 file and an index: decoded once, memory-mapped ever after.

A store is a folder named by what it was made of (each file's path, size and modification time, the rate, the
format's version). It is written beside its final name and renamed when whole; its journal says after every chunk
how far the samples go, so that a killed preparation continues where it stood. One process prepares, others wait.
At last all clips are compared: `pairs` names those that are one recording though their samples differ.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np
import numpy.typing as npt
import polars as pl
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ser_lightning.data.audio import BadAudioError, read_clip
from ser_lightning.data.fingerprint import fingerprints
from ser_lightning.data.recordings import bare, recording_pairs
from ser_lightning.terminal import err

FORMAT = 2
TAIL_SECONDS = 30
"""Zeros after the last clip, so that a window may be cut anywhere without looking at the end."""
CHUNK = 16
"""Clips a worker decodes before its result is written and journalled."""
PRINTED = 64
"""Clips a worker takes the fingerprints of at a time."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One clip to decode, and further files that must hold the same samples."""

    path: str
    start: float | None = None
    end: float | None = None
    copies: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Store:
    """A prepared corpus: `samples` int16 [time] mapped from disk, `index` with a row a source, in their order.

    `pairs` has rows of the index that are one recording though their `hash` differs (of rows with one hash only the
    first is named): a < b, and their correlation.
    """

    folder: Path
    rate: int
    samples: npt.NDArray[np.int16]
    index: pl.DataFrame
    pairs: pl.DataFrame


def sources(table: pl.DataFrame, copies: Sequence[tuple[Path, Path]]) -> list[Source]:
    """The rows of a clip table as sources, each with the further copies of its file."""
    further: dict[str, list[str]] = {}
    for kept, copy in copies:
        further.setdefault(str(kept), []).append(str(copy))
    rows = zip(table["path"], table["start"], table["end"], strict=True)
    return [Source(path=path, start=a, end=b, copies=tuple(further.get(path, ()))) for path, a, b in rows]


def prepare(clips: Sequence[Source], *, name: str, cache_dir: Path, rate: int, workers: int | None = None) -> Store:
    """Open the store of these clips, and make it first where there is none.

    `rate` in Hz. Clips that cannot be used are in the index too, with their reason.
    """
    folder = cache_dir / f"{name}-{store_key(clips, rate)}"
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
                _make(clips, folder, rate, workers or os.cpu_count() or 1)
        finally:
            lock.release()
    return open_store(folder)


def open_store(folder: Path) -> Store:
    """Map a finished store's samples and read its index and pairs."""
    about = json.loads((folder / "about.json").read_text())
    index, pairs = (pl.read_parquet(folder / f"{name}.parquet") for name in ("index", "pairs"))
    return Store(folder, int(about["rate"]), _mapped(folder), index, pairs)


def store_key(clips: Sequence[Source], rate: int) -> str:
    """16 hex digits that change with any file's path, size or modification time, the rate, or the format."""
    digest = hashlib.blake2b(f"{FORMAT} {rate}".encode(), digest_size=8)
    for clip in clips:
        for path in (clip.path, *clip.copies):
            digest.update(f"\0{os.path.abspath(path)}\0{_stamp(path)}".encode())  # noqa: PTH100 (a string is enough)
        digest.update(f"\0{clip.start}\0{clip.end}".encode())
    return digest.hexdigest()


def changed_clips(store: Store, clips: Sequence[Source], workers: int | None = None) -> list[int]:
    """Read every file again; the rows whose samples are no longer those of the store."""
    found = (entry for chunk in _decoded(clips, 0, store.rate, workers or os.cpu_count() or 1) for entry, _ in chunk)
    return [row for row, (entry, old) in enumerate(zip(found, store.index["hash"], strict=True)) if entry.hash != old]


def _stamp(path: str) -> str:
    try:
        stat = os.stat(path)  # noqa: PTH116 (a million Path objects are slow)
    except OSError:
        return "missing"
    return f"{stat.st_size} {stat.st_mtime_ns} {os.access(path, os.R_OK)}"


def _make(clips: Sequence[Source], folder: Path, rate: int, workers: int) -> None:
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(exist_ok=True)
    entries = _resume(partial)
    with (
        (partial / "samples.i16").open("ab") as samples,
        (partial / "journal.jsonl").open("a") as journal,
        _progress() as progress,
    ):
        bar = progress.add_task(f"preparing {folder.name}", total=len(clips), completed=len(entries))
        for chunk in _decoded(clips, len(entries), rate, workers):
            samples.writelines(wave.data for _, wave in chunk)
            samples.flush()
            journal.writelines(json.dumps(vars(entry)) + "\n" for entry, _ in chunk)
            journal.flush()
            entries.extend(entry for entry, _ in chunk)
            progress.advance(bar, len(chunk))
        samples.write(bytes(2 * TAIL_SECONDS * rate))
    _finish(partial, folder, entries, rate, workers)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, disable=not err.is_terminal, transient=True)


def _mapped(folder: Path) -> npt.NDArray[np.int16]:
    return np.memmap(folder / "samples.i16", dtype="<i2", mode="r")


def _finish(partial: Path, folder: Path, entries: Sequence[Entry], rate: int, workers: int) -> None:
    """Compare the clips and write the tables; were this killed, all of it is made again from the journal."""
    index = pl.DataFrame([vars(entry) for entry in entries], schema_overrides={"length": pl.Int64})
    index = index.with_columns(offset=pl.col("length").cum_sum() - pl.col("length"))
    index.write_parquet(partial / "index.parquet")
    samples = np.asarray(_mapped(partial))
    prints = _fingerprints(samples, index, rate, workers, f"comparing {folder.name}")
    recording_pairs(samples, index, prints, rate, workers=workers).write_parquet(partial / "pairs.parquet")
    (partial / "about.json").write_text(json.dumps({"format": FORMAT, "rate": rate, "clips": len(entries)}))
    (partial / "journal.jsonl").unlink()
    partial.rename(folder)


def _fingerprints(
    samples: npt.NDArray[np.int16], index: pl.DataFrame, rate: int, workers: int, title: str
) -> npt.NDArray[np.float32]:
    """`fingerprints` of all clips [clip, feature], several at a time."""
    offset, length = index["offset"].to_numpy(), index["length"].to_numpy()
    chunks = [slice(first, first + PRINTED) for first in range(0, len(index), PRINTED)]
    found = []
    with ThreadPoolExecutor(workers) as pool, _progress() as progress:
        bar = progress.add_task(title, total=len(index))
        for prints in pool.map(lambda rows: fingerprints(samples, offset[rows], length[rows], rate), chunks):
            found.append(prints)
            progress.advance(bar, len(prints))
    return np.concatenate(found)


def _resume(partial: Path) -> list[Entry]:
    """The journalled entries of an interrupted preparation; samples written after them are cut off.

    Entries whose samples did not reach the disk, as after a power failure, are made again.
    """
    journal = partial / "journal.jsonl"
    entries: list[Entry] = []
    if not journal.exists():
        (partial / "samples.i16").unlink(missing_ok=True)
        return entries
    lines = journal.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    entries = [Entry(**json.loads(line)) for line in whole]
    there = (partial / "samples.i16").stat().st_size // 2
    while entries and sum(entry.length for entry in entries) > there:
        entries.pop()
    journal.write_text("".join(whole[: len(entries)]))
    os.truncate(partial / "samples.i16", 2 * sum(entry.length for entry in entries))
    return entries


def _decoded(
    clips: Sequence[Source], first: int, rate: int, workers: int
) -> Iterator[list[tuple[Entry, npt.NDArray[np.int16]]]]:
    """Chunks of decoded clips in order, a few ahead of what is taken; threads, as libsndfile and soxr drop the GIL."""
    starts = deque(range(first, len(clips), CHUNK))
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future[list[tuple[Entry, npt.NDArray[np.int16]]]]] = deque()
        while starts or ahead:
            while starts and len(ahead) < 3 * workers:
                row = starts.popleft()
                ahead.append(pool.submit(_decode_chunk, clips[row : row + CHUNK], rate))
            yield ahead.popleft().result()


def _decode_chunk(clips: Sequence[Source], rate: int) -> list[tuple[Entry, npt.NDArray[np.int16]]]:
    return [_decode(clip, rate) for clip in clips]


def _decode(source: Source, rate: int) -> tuple[Entry, npt.NDArray[np.int16]]:
    try:
        clip = read_clip(Path(source.path), rate, start=source.start, end=source.end)
        for copy in source.copies:
            if not np.array_equal(clip.samples, read_clip(Path(copy), rate).samples):
                raise BadAudioError(f"differs from the file of the same name at {copy}; keep the right one of them")
    except BadAudioError as error:
        return Entry(error=str(error)), np.empty(0, np.int16)
    digest, sound = _digest(clip.samples), bare(clip.samples)
    entry = Entry(
        length=len(clip.samples),
        hash=digest,
        sound=digest if sound is clip.samples else _digest(sound),
        file_rate=clip.file_rate,
        channels=clip.channels,
        note=clip.note,
    )
    return entry, clip.samples


def _digest(samples: npt.NDArray[np.int16]) -> str:
    return hashlib.sha256(samples.data).hexdigest()[:32]
