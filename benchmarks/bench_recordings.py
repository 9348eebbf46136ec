"""How long it takes to find which of many clips are worth comparing, and how many of the planted copies are found.

    python benchmarks/bench_recordings.py

The fingerprints are random, and spread as those of real clips are. Of each hundred clips one has a copy as alike as a
copy in another format is (0.97), and one a copy as faint as they get (0.7). `--clips 1000000` takes some minutes.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import numpy.typing as npt

from measuring import machine
from ser_lightning.data.candidates import candidates
from ser_lightning.data.fingerprint import NUM_BINS

ALIKE = (0.97, 0.7)
SHARED = 0.03
"""The mean inner product of two real clips."""
MADE = 2**14
"""Fingerprints that are made at a time."""
Vectors = npt.NDArray[np.float32]


def made_prints(num: int, rng: np.random.Generator) -> Vectors:
    """`num` unit vectors [clip, feature]: a hundredth, their copies of one kind, another, theirs of the other kind."""
    vectors = np.empty((num, NUM_BINS), np.float32)
    for first in range(0, num, MADE):
        vectors[first : first + MADE] = random_units(min(MADE, num - first), rng)
    few = num // 100
    for kind, alike in enumerate(ALIKE):
        one = vectors[2 * kind * few :][:few]
        away = random_units(few, rng)
        away -= (away * one).sum(axis=1, keepdims=True) * one
        away /= np.linalg.norm(away, axis=1, keepdims=True)
        vectors[(2 * kind + 1) * few :][:few] = alike * one + np.sqrt(1 - alike**2) * away
    return vectors


def random_units(num: int, rng: np.random.Generator) -> Vectors:
    vectors = rng.standard_normal((num, NUM_BINS), np.float32) / np.sqrt(np.float32(NUM_BINS))
    vectors[:, 0] += np.sqrt(np.float32(SHARED))
    units: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units


def row(num: int, seed: int) -> str:
    """One row of the table."""
    prints = made_prints(num, np.random.default_rng(seed))
    start = time.perf_counter()
    pairs = candidates(prints)
    seconds = time.perf_counter() - start
    few = num // 100
    is_planted = (pairs[:, 1] - pairs[:, 0] == few) & (pairs[:, 0] // few % 2 == 0) & (pairs[:, 0] < 4 * few)
    found = np.bincount(pairs[is_planted, 0] // few // 2, minlength=len(ALIKE))
    shares = " | ".join(f"{count:,} of {few:,}" for count in found)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"| {num:,} | {seconds:.1f} | {1e4 * seconds / num:.2f} | {shares} | {len(pairs) - found.sum():,} "
        f"| {prints.nbytes / 2**20:,.0f} | {memory:,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, nargs="+", default=[10_000, 100_000], help="numbers, ascending")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{machine('numpy', 'polars')}\n")
    kinds = " | ".join(f"found at {alike}" for alike in ALIKE)
    print(f"| clips | s | s per 10,000 | {kinds} | others | fingerprints, MB | most memory, MB |\n|{'---|' * 8}")
    for num in arguments.clips:
        print(row(num, arguments.seed), flush=True)


if __name__ == "__main__":
    main()
