"""How often each paired test calls two systems different: when they do not differ (its level), and when they do.

Both systems find some voices hard (a shared effect of the speaker), and each has voices of its own that it is good at.
The sign-flip test over speakers must keep its level of 5 % (4 to 6.5 % here); McNemar's test, which takes the clips of
a speaker for independent, calls the systems different far more often although only the sampled voices made it so.

    python benchmarks/paired_test.py
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from rich.progress import track
from scipy.special import expit

from ser_lightning.evaluation.significance import ALPHA, mcnemar, sign_flip
from ser_lightning.terminal import err, out

NUM_CLASSES, CLIPS_OF_CLASS = 4, 15
SHARED, OWN, OF_CLIP = 0.7, 0.5, 0.8
"""Standard deviations in log odds: of a speaker for both systems, of a speaker for one, of a clip for both."""
BASE = 0.6
"""The log odds that a clip of an average speaker is right: 0.65."""
GAIN = 0.5
"""The log odds that the better system has more, where one is better."""


class Rejected(NamedTuple):
    """The share of data sets in which each test gave p <= 0.05, and the mean difference of balanced accuracy."""

    sign_flip: float
    mcnemar: float
    difference: float


def two_systems(
    num_speakers: int, gain: float, random: np.random.Generator
) -> tuple[Bool[np.ndarray, "speaker class clip"], Bool[np.ndarray, "speaker class clip"]]:
    """Which clips each system gets right; the first has `gain` more log odds."""
    shape = (num_speakers, NUM_CLASSES, CLIPS_OF_CLASS)
    common = BASE + SHARED * random.normal(size=(num_speakers, 1, 1)) + OF_CLIP * random.normal(size=shape)
    own = OWN * random.normal(size=(2, num_speakers, 1, 1)) + np.array([gain, 0.0]).reshape(2, 1, 1, 1)
    first, second = random.random((2, *shape)) < expit(common + own)
    return first, second


def confusions(right: Bool[np.ndarray, "speaker class clip"]) -> Float[np.ndarray, "speaker class class"]:
    """The speakers' confusion matrices; a wrong clip is taken for the next class."""
    hits = right.sum(axis=-1).astype(np.float64)
    same, following = np.eye(NUM_CLASSES), np.roll(np.eye(NUM_CLASSES), 1, axis=1)
    counts: Float[np.ndarray, "speaker class class"]
    counts = hits[..., None] * same + (CLIPS_OF_CLASS - hits)[..., None] * following
    return counts


def rejected(num_speakers: int, gain: float, *, simulations: int, seed: int) -> Rejected:
    """Both tests on so many simulated data sets."""
    random = np.random.default_rng(seed)
    flips, clips, differences = 0, 0, 0.0
    what = f"{num_speakers} speakers, gain {gain}"
    for number in track(range(simulations), what, console=err, transient=True):
        first, second = two_systems(num_speakers, gain, random)
        test = sign_flip(confusions(first), confusions(second), seed=number)
        flips += test.p <= ALPHA
        clips += mcnemar(first.ravel(), second.ravel()).p <= ALPHA
        differences += test.difference
    return Rejected(flips / simulations, clips / simulations, differences / simulations)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    out.print(f"{arguments.simulations} simulations, {NUM_CLASSES * CLIPS_OF_CLASS} clips a speaker; p <= {ALPHA} in")
    for gain, words in ((0.0, "no difference (level)"), (GAIN, "one is better (power)")):
        for num_speakers in (12, 24):
            found = rejected(num_speakers, gain, simulations=arguments.simulations, seed=arguments.seed)
            out.print(
                f"{words:22} {num_speakers} speakers: sign-flip over speakers {found.sign_flip:6.2%}, "
                f"McNemar over clips {found.mcnemar:6.2%}; mean difference {found.difference:+.3f}"
            )


if __name__ == "__main__":
    main()
