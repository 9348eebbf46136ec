"""How long the intervals and groups of a test table take: 7,442 clips of 91 speakers and 6 classes, as CREMA-D has.

    python benchmarks/bench_intervals.py

Each is done several times over; the table gives medians and extremes. `--clips 200000 --speakers 2000 --classes 8` is a
corpus of any size that there is.
"""

from __future__ import annotations

import argparse
import platform
import resource
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from ser_lightning.evaluation.groups import table_groups
from ser_lightning.evaluation.intervals import NUM_RESAMPLES, table_intervals
from ser_lightning.evaluation.predictions import predictions_table
from ser_lightning.evaluation.scores import table_scores


def made_table(num_clips: int, num_speakers: int, labels: Sequence[str], rng: np.random.Generator) -> pl.DataFrame:
    """Predictions of some skill, with soft labels, so that every score is there."""
    truth, speaker = rng.integers(0, len(labels), num_clips), rng.integers(0, num_speakers, num_clips)
    clips = pl.DataFrame(
        {
            "clip": [f"made/{number}" for number in range(num_clips)],
            "corpus": ["made"] * num_clips,
            "speaker": [f"{number:05}" for number in speaker],
            "sex": np.array(["female", "male"])[speaker % 2],
            "text": [""] * num_clips,
            "intensity": np.array(["low", "middle", "high"])[rng.integers(0, 3, num_clips)],
            "seconds": rng.uniform(1.3, 5.0, num_clips),
            "label": np.array(labels)[truth],
        }
    )
    skill = rng.normal(1.5, 0.7, num_speakers)[speaker]
    p = np.exp(rng.normal(size=(num_clips, len(labels))) + skill[:, None] * np.eye(len(labels))[truth])
    votes = rng.dirichlet(np.ones(len(labels)), num_clips).astype(np.float32)
    return predictions_table(clips, p / p.sum(axis=1, keepdims=True), labels, votes)


def seconds(function: Callable[[], object], times: int) -> str:
    """Median and extremes of several calls."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return f"{statistics.median(taken):.3f} ({min(taken):.3f} to {max(taken):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=7442)
    parser.add_argument("--speakers", type=int, default=91)
    parser.add_argument("--classes", type=int, default=6)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    labels = [f"class{number}" for number in range(arguments.classes)]
    table = made_table(arguments.clips, arguments.speakers, labels, np.random.default_rng(arguments.seed))
    num_scores = len(table_intervals(table, labels)["scores"])
    print(f"{arguments.clips} clips, {arguments.speakers} speakers, {arguments.classes} classes; ", end="")
    print(f"Python {platform.python_version()}, {platform.machine()}\n\n| | seconds |\n|---|---|")
    measured: dict[str, Callable[[], object]] = {
        "scores": lambda: table_scores(table, labels),
        f"intervals of {num_scores} scores, {NUM_RESAMPLES} resamples": lambda: table_intervals(table, labels),
        "groups, with intervals and gaps": lambda: table_groups(table, labels),
    }
    for name, function in measured.items():
        print(f"| {name} | {seconds(function, arguments.times)} |", flush=True)
    print(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
