"""How a store is made: workers decode, one process writes, and at last all clips are compared.

The folder is `<name>.partial` until it is whole; see data/unfinished.py for what a kill leaves of it. A clip's
fingerprint is taken where it was decoded, while its samples are at hand: the comparison reads few of them again.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ser_lightning.data.audio import BadAudioError, read_clip
from ser_lightning.data.fingerprint import fingerprints
from ser_lightning.data.recordings import bare, recording_pairs
from ser_lightning.data.sources import Source, Sources
from ser_lightning.data.unfinished import Decoded, Entry, Unfinished
from ser_lightning.files import write_columns
from ser_lightning.terminal import err

INDEX, PAIRS, ABOUT = "index.arrow", "pairs.arrow", "about.json"
CHUNK = 16
"""Clips a worker decodes before its result is written and journalled."""


def make_store(
    clips: Sources, folder: Path, *, about: Mapping[str, int], rate: int, workers: int, tail: int, shard_size: int
) -> None:
    """Make a store's folder, going on where an earlier attempt stood; `about` is put down with it.

    `tail` zeros follow the last clip of a shard, which holds `shard_size` samples of clips.
    """
    unfinished = Unfinished(folder.with_name(folder.name + ".partial"), tail=tail, shard_size=shard_size)
    with _progress() as progress:
        bar = progress.add_task(f"preparing {folder.name}", total=len(clips), completed=unfinished.num_clips)
        for chunk in decoded(clips, rate, workers, first=unfinished.num_clips):
            unfinished.append(chunk)
            progress.advance(bar, len(chunk.entries))
    unfinished.end_shard()
    _finish(unfinished, about, rate, workers)
    unfinished.folder.rename(folder)


def decoded(clips: Sources, rate: int, workers: int, *, first: int = 0) -> Iterator[Decoded]:
    """The clips from row `first` on, in order, a few ahead of what is taken.

    By threads, as libsndfile, soxr, NumPy and the hash drop the interpreter's lock.
    """
    starts = deque(range(first, len(clips), CHUNK))
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future[Decoded]] = deque()
        while starts or ahead:
            while starts and len(ahead) < 3 * workers:
                row = starts.popleft()
                ahead.append(pool.submit(_decode_all, clips.rows(row, row + CHUNK), rate))
            yield ahead.popleft().result()


def _decode_all(clips: list[Source], rate: int) -> Decoded:
    entries, waves = zip(*(_decode(clip, rate) for clip in clips), strict=True)
    samples = np.concatenate(waves)
    length = np.array([len(wave) for wave in waves], np.int64)
    return Decoded(entries, samples, fingerprints(samples, length.cumsum() - length, length, rate))


def _decode(source: Source, rate: int) -> tuple[Entry, npt.NDArray[np.int16]]:
    try:
        clip = read_clip(Path(source.path), rate, start=source.start, end=source.end)
        for copy in source.copies:
            if not np.array_equal(clip.samples, read_clip(Path(copy), rate).samples):
                raise BadAudioError(f"differs from the file of the same name at {copy}; keep the right one of them")
    except BadAudioError as error:
        return Entry(error=str(error)), np.empty(0, np.int16)
    digest, sound = _digests(clip.samples)
    entry = Entry(
        length=len(clip.samples),
        hash=digest,
        sound=sound,
        file_rate=clip.file_rate,
        channels=clip.channels,
        note=clip.note,
    )
    return entry, clip.samples


def _digests(samples: npt.NDArray[np.int16]) -> tuple[str, str]:
    """The hash of the samples, and that of what is `bare` in them.

    The samples are read once: they are what is bare, times a factor, after some zeros and before others.
    """
    sound = bare(samples)
    first = int((samples != 0).argmax())
    factor = int(samples[first]) // int(sound[0])
    digest = hashlib.sha256(sound.data)
    told = digest.hexdigest()[:32]
    digest.update(f"{len(samples)} {first} {factor}".encode())
    return digest.hexdigest()[:32], told


def _finish(unfinished: Unfinished, about: Mapping[str, int], rate: int, workers: int) -> None:
    """Compare the clips and write the tables; were this killed, all of it is made again from the journal."""
    index, folder = unfinished.index(), unfinished.folder
    pairs = recording_pairs(unfinished.samples().read, index, unfinished.prints(), rate, workers=workers)
    # Few notes differ, and categories take a quarter of the memory of texts, even of empty ones.
    kept = index.drop("sound").with_columns(pl.col("note", "error").cast(pl.Categorical))
    for table, name in ((kept, INDEX), (pairs, PAIRS)):
        write_columns(folder / name, table)
    (folder / ABOUT).write_text(json.dumps({**about, "shards": unfinished.num_shards}))
    unfinished.forget()


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, disable=not err.is_terminal, transient=True)
