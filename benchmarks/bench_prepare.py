"""How long preparing takes against a bare loop that reads and resamples the same files with as many processes.

    python benchmarks/bench_prepare.py --corpus ravdess --root DIR

Both are repeated in turn; the ratio is taken within each pair, and the table gives medians and extremes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import soundfile
import soxr

from ser_lightning.corpora.base import Corpus
from ser_lightning.corpora.ravdess import Ravdess
from ser_lightning.corpora.tess import Tess
from ser_lightning.data.manifest import to_table
from ser_lightning.data.store import prepare, sources

RATE = 16000


def read_and_resample(path: str) -> int:
    """What any tool must do at least: decode, downmix, resample."""
    wave, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = wave.mean(axis=1)
    return len(mono if rate == RATE else soxr.resample(mono, rate, RATE, quality="HQ"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", choices=["ravdess", "tess"], default="ravdess")
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora/RAVDESS"))
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    if not arguments.root.is_dir():
        print(f"bench_prepare: no corpus at {arguments.root}; give --corpus and --root")
        return
    make = {"ravdess": Ravdess, "tess": Tess}[arguments.corpus]
    corpus: Corpus = make(root=str(arguments.root), data_dir="data")
    scan = corpus.scan()
    clips = sources(to_table(scan.clips), scan.copies)
    workers = os.cpu_count() or 1
    bare, ours, again = [], [], []
    with multiprocessing.get_context("spawn").Pool(workers) as pool, tempfile.TemporaryDirectory() as folder:
        pool.map(read_and_resample, [clip.path for clip in clips])  # imports, and the files into the page cache
        for repeat in range(arguments.repeats):
            start = time.perf_counter()
            pool.map(read_and_resample, [clip.path for clip in clips])
            middle = time.perf_counter()
            prepare(clips, name="bench", cache_dir=Path(folder, str(repeat)), rate=RATE, workers=workers)
            end = time.perf_counter()
            prepare(clips, name="bench", cache_dir=Path(folder, str(repeat)), rate=RATE, workers=workers)
            bare.append(middle - start)
            ours.append(end - middle)
            again.append(time.perf_counter() - end)
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    print(f"{len(clips)} clips of {arguments.corpus}, {workers} workers, {platform.machine()}\n")
    print("| | median | least | most |\n|---|---|---|---|")
    rows = {"bare loop, s": bare, "prepare, s": ours, "prepare / bare": ratios, "store found again, s": again}
    for name, values in rows.items():
        print(f"| {name} | {statistics.median(values):.3f} | {min(values):.3f} | {max(values):.3f} |")


if __name__ == "__main__":
    main()
