"""How long preparing takes against a bare loop that reads and resamples the same files with as many processes.

    python benchmarks/bench_prepare.py --root DIR

DIR is RAVDESS's folder. Two sets are prepared: 480 files at 48 kHz, which are Actor_01's 60 recordings under eight
names each, so that comparing recordings costs little; and all clips as they are there. Bare loop and preparation are
repeated in turn; the ratio is taken within each pair, and the tables give medians and extremes.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import multiprocessing.pool
import os
import shutil
import tempfile
import time
from pathlib import Path

import soundfile
import soxr

from measuring import machine, print_table, spread
from ser_lightning.data.sources import whole_files
from ser_lightning.data.store import prepare

RATE = 16000
NAMES = 8
"""Under so many names each recording of the first set lies."""


def read_and_resample(path: str) -> int:
    """What any tool must do at least: decode, downmix, resample."""
    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = wave.mean(axis=1)
    return len(mono if rate == RATE else soxr.resample(mono, rate, RATE, quality="HQ"))


def audio_files(folder: Path) -> list[Path]:
    """All clips below a folder."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".wav", ".flac"))


def under_other_names(files: list[Path], folder: Path) -> list[Path]:
    """Copies of the files, each under several names."""
    copies = [folder / f"{number} {file.name}" for number in range(NAMES) for file in files]
    for copy, file in zip(copies, NAMES * files, strict=True):
        shutil.copy(file, copy)
    return copies


def seconds(paths: list[str], pool: multiprocessing.pool.Pool, workers: int) -> tuple[float, float, float]:
    """Of the bare loop, of preparing, and of finding the store again."""
    clips = whole_files(paths)
    with tempfile.TemporaryDirectory() as folder:
        times = [time.perf_counter()]
        pool.map(read_and_resample, paths)
        times.append(time.perf_counter())
        for _ in range(2):
            prepare(clips, name="bench", cache_dir=Path(folder), rate=RATE, workers=workers)
            times.append(time.perf_counter())
    bare, made, found = (after - before for before, after in itertools.pairwise(times))
    return bare, made, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora/RAVDESS"))
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    if not (arguments.root / "Actor_01").is_dir():
        print(f"bench_prepare: no RAVDESS at {arguments.root}; give --root")
        return
    workers = os.cpu_count() or 1
    print(machine("numpy", "soundfile", "soxr", "polars"))
    with multiprocessing.get_context("spawn").Pool(workers) as pool, tempfile.TemporaryDirectory() as folder:
        sets = {
            "files at 48 kHz": under_other_names(audio_files(arguments.root / "Actor_01"), Path(folder)),
            "clips of RAVDESS as they are": audio_files(arguments.root),
        }
        for name, files in sets.items():
            paths = [str(file) for file in files]
            seconds(paths, pool, workers)  # imports, and the files into the page cache
            bare, made, found = zip(*(seconds(paths, pool, workers) for _ in range(arguments.repeats)), strict=True)
            ratio = [ours / theirs for ours, theirs in zip(made, bare, strict=True)]
            print(f"\n{len(paths)} {name}, {workers} workers\n")
            rows = {"bare loop, s": bare, "prepare, s": made, "prepare / bare": ratio, "found again, s": found}
            print_table(["", "median (extremes)"], [[row, spread(values)] for row, values in rows.items()])


if __name__ == "__main__":
    main()
