"""How many copies of real recordings are found, what is taken for a copy that is none, and how long 12,000 clips take.

    python benchmarks/near_identical.py --corpora DIR

DIR holds RAVDESS and TESS. Copies of some clips are written to a temporary folder and prepared together with all
clips of both. The 12,000 clips are distinct: these clips, played faster or slower by up to 10 %.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import soundfile
import soxr

from ser_lightning.corpora.base import Corpus
from ser_lightning.corpora.ravdess import Ravdess
from ser_lightning.corpora.tess import Tess
from ser_lightning.data.fingerprint import fingerprints
from ser_lightning.data.manifest import to_table
from ser_lightning.data.recordings import near_identical
from ser_lightning.data.samples import Samples
from ser_lightning.data.sources import whole_files
from ser_lightning.data.store import Store, prepare

RATE = 16000
MP3_RATES = (16000, 22050, 24000, 44100, 48000)
MP3_KBPS = 128
Wave = npt.NDArray[np.float64]


def padded(before: float, after: float) -> Callable[[Wave, int], tuple[Wave, int]]:
    """Silence of so many seconds around a clip."""
    return lambda wave, rate: (np.pad(wave, (round(before * rate), round(after * rate))), rate)


KINDS: dict[str, Callable[[Wave, int], tuple[Wave, int]]] = {
    "level -6 dB": lambda wave, rate: (wave * 10 ** (-6 / 20), rate),
    "0.2 s of silence before": padded(0.2, 0.0),
    "0.2 s of silence after": padded(0.0, 0.2),
    "0.2 s of silence before and after": padded(0.2, 0.2),
    "resampled to 22.05 kHz": lambda wave, rate: (soxr.resample(wave, rate, 22050), 22050),
    "polarity turned": lambda wave, rate: (-wave, rate),
}


def write_mp3(path: Path, wave: Wave, rate: int) -> float:
    """Write at constant 128 kb/s, at the file's rate if MP3 has it; the kb/s that the file's size says."""
    new_rate = rate if rate in MP3_RATES else 44100
    wave = soxr.resample(wave, rate, new_rate)
    least, most = (8, 160) if new_rate <= 24000 else (32, 320)
    level = (most - MP3_KBPS) / (most - least)  # libsndfile's scale: 0 is most
    options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": level}
    soundfile.write(path, wave, new_rate, **options)
    return 8 * path.stat().st_size / (len(wave) / new_rate) / 1000


def make_copies(paths: list[str], folder: Path) -> tuple[dict[str, list[str]], list[float]]:
    """A file a clip and kind of copy, and the MP3 files' kb/s."""
    made: dict[str, list[str]] = {kind: [] for kind in (*KINDS, "MP3")}
    kbps = []
    for number, path in enumerate(paths):
        wave, rate = soundfile.read(path, always_2d=True)
        mono = wave.mean(axis=1)
        for kind, change in KINDS.items():
            file = folder / f"{number} {kind}.wav"
            soundfile.write(file, *change(mono, rate), subtype="PCM_16")
            made[kind].append(str(file))
        file = folder / f"{number}.mp3"
        kbps.append(write_mp3(file, mono, rate))
        made["MP3"].append(str(file))
    return made, kbps


def many_clips(store: Store, num: int, rng: np.random.Generator) -> list[npt.NDArray[np.int16]]:
    """`num` clips made of the store's, each played at its own speed."""
    clips = []
    usable = store.index.unique("hash", keep="first", maintain_order=True)
    for number in range(num):
        offset, length = usable.select("offset", "length").row(number % len(usable))
        # The versions of one clip differ in speed by over 1 %, so that their waveforms part within a syllable.
        speed = 0.9 + 0.2 * (number // len(usable) + rng.uniform(0.3, 0.7)) / (1 + num // len(usable))
        wave = store.samples.read(offset, length).astype(np.float32)
        clips.append(soxr.resample(wave, speed * RATE, RATE).clip(-32768, 32767).astype(np.int16))
    return clips


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, default=Path("../shared/corpora"))
    parser.add_argument("--copied", type=int, default=200, help="clips that copies are made of")
    parser.add_argument("--many", type=int, default=12000, help="clips that are timed")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    roots = {name: arguments.corpora / name for name in ("RAVDESS", "TESS")}
    absent = [str(root) for root in roots.values() if not root.is_dir()]
    if absent:
        print(f"near_identical: no corpus at {' nor at '.join(absent)}; give --corpora")
        return
    corpora: list[Corpus] = [
        Ravdess(root=str(roots["RAVDESS"]), data_dir="data"),
        Tess(root=str(roots["TESS"]), data_dir="data"),
    ]
    originals = pl.concat([to_table(corpus.scan().clips) for corpus in corpora])["path"].to_list()
    rng = np.random.default_rng(arguments.seed)
    rows = np.sort(rng.choice(len(originals), arguments.copied, replace=False)).tolist()
    with tempfile.TemporaryDirectory() as folder:
        made, kbps = make_copies([originals[row] for row in rows], Path(folder))
        copies = [path for paths in made.values() for path in paths]
        store = prepare(whole_files([*originals, *copies]), name="bench", cache_dir=Path(folder), rate=RATE)
        report(store, rows, list(made), len(originals))
        print(f"\nMP3: {min(kbps):.0f} to {max(kbps):.0f} kb/s by the files' size, with their headers.\n")
        alone = prepare(whole_files(originals), name="alone", cache_dir=Path(folder), rate=RATE)
        report_time(alone, arguments.many, rng)


def report(store: Store, rows: list[int], kinds: list[str], num: int) -> None:
    """The table of copies, and of pairs that are none."""
    first = {digest: row for row, digest in reversed(list(enumerate(store.index["hash"])))}
    origin = [first[digest] for digest in store.index["hash"][:num]]
    origin += [origin[row] for _ in kinds for row in rows]
    pairs = store.pairs.select("a", "b").rows()
    found = {frozenset(pair) for pair in pairs}
    false = [pair for pair in pairs if origin[pair[0]] != origin[pair[1]]]
    print(f"{num} clips of RAVDESS and TESS, copies of {len(rows)} of them\n")
    print("| kind of copy | clips | found |\n|---|---|---|")
    for number, kind in enumerate(kinds):
        base = num + number * len(rows)
        hits = [is_found(store, found, origin[row], base + place) for place, row in enumerate(rows)]
        print(f"| {kind} | {len(hits)} | {100 * np.mean(hits):.1f} % |")
    among = [pair for pair in false if pair[1] < num]
    print(f"\nfalse pairs: {len(among)} among the {num} clips, {len(false)} among all {len(store.index)}")


def is_found(store: Store, found: set[frozenset[int]], row: int, copy: int) -> bool:
    """By their pair, or by their hash where every sample is the same."""
    return frozenset((row, copy)) in found or store.index["hash"][row] == store.index["hash"][copy]


def report_time(store: Store, num: int, rng: np.random.Generator) -> None:
    """How long fingerprints and comparison of `num` clips take."""
    clips = many_clips(store, num, rng)
    length = np.array([len(clip) for clip in clips])
    offset = length.cumsum() - length
    samples = np.concatenate(clips)
    start = time.perf_counter()
    prints = fingerprints(samples, offset, length, RATE)
    middle = time.perf_counter()
    workers = os.cpu_count() or 1
    pairs = near_identical(Samples(samples).read, offset, length, prints, RATE, workers=workers)
    end = time.perf_counter()
    hours = length.sum() / RATE / 3600
    print(f"{num} distinct clips ({hours:.1f} h), {workers} workers, {platform.machine()}\n")
    print("| | |\n|---|---|")
    print(f"| fingerprints, one thread | {middle - start:.2f} s, {1000 * (middle - start) / num:.3f} ms a clip |")
    print(f"| comparison | {end - middle:.2f} s |")
    print(f"| pairs claimed | {len(pairs)} |")


if __name__ == "__main__":
    main()
