"""Whether two systems that were tested on the same clips differ by more than chance.

Clips of one speaker err together, so what may be exchanged is a speaker: if the systems do not differ, either could
have made either's predictions of all clips of a speaker. Swapping them in every way gives what the difference would be
by chance (Pitman 1937; for systems, Noreen 1989). McNemar's test takes clips for independent, which makes chance look
like a difference; it is here because the field reports it. `python benchmarks/paired_test.py` measures both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import binom

MOST_ENUMERATED = 13
"""Up to so many speakers every one of the 2^n swaps is looked at."""
NUM_SAMPLED = 10_000
ALPHA = 0.05
TIE = 1e-12
"""Differences of balanced accuracy that are nearer to each other than this are equal but for rounding."""


class SignFlip(NamedTuple):
    """The difference of two balanced accuracies, how rare one as large is by chance, and the least p there can be."""

    difference: float
    p: float
    least_p: float


class McNemar(NamedTuple):
    """Clips that only the first or only the second system gets right, and how rare that is of independent clips."""

    only_first: int
    only_second: int
    p: float


def sign_flip(
    first: Float[np.ndarray, "speaker class class"], second: Float[np.ndarray, "speaker class class"], *, seed: int = 0
) -> SignFlip:
    """The two-sided permutation test over speakers, of the confusions of two systems on the same clips.

    Up to 13 speakers the share of all swaps that give a difference as large; of more, by 10,000 random swaps, with the
    observed one counted among them (Phipson & Smyth 2010), so that p is never 0.

    >>> better, worse = np.array([[[4, 0], [0, 4]]] * 4), np.array([[[3, 1], [2, 2]]] * 4)
    >>> sign_flip(better, worse)
    SignFlip(difference=0.375, p=0.125, least_p=0.125)
    """
    by_speaker = differences(first, second)
    observed = float(by_speaker.sum())
    reached = int((np.abs(signs(len(by_speaker), seed=seed) @ by_speaker) >= abs(observed) - TIE).sum())
    if len(by_speaker) <= MOST_ENUMERATED:
        return SignFlip(observed, reached / 2 ** len(by_speaker), least_p(len(by_speaker)))
    return SignFlip(observed, (1 + reached) / (1 + NUM_SAMPLED), least_p(len(by_speaker)))


def differences(
    first: Float[np.ndarray, "speaker class class"], second: Float[np.ndarray, "speaker class class"]
) -> Float[np.ndarray, " speaker"]:
    """What each speaker adds to the difference of the pooled balanced accuracies; swapping turns its sign.

    The truth, and with it what the recalls are divided by, is the same however many speakers are swapped. So the
    difference is a sum over speakers: that of the clips gained in each class over the class's clips, by the classes.
    """
    assert np.allclose(first.sum(axis=-1), second.sum(axis=-1)), "two systems, but not the same clips"
    support = first.sum(axis=(0, 2))
    there = support > 0
    gained = np.diagonal(first - second, axis1=1, axis2=2)[:, there]
    total: Float[np.ndarray, " speaker"] = (gained / support[there]).sum(axis=1) / there.sum()
    return total


def signs(num_speakers: int, *, seed: int = 0) -> Float[np.ndarray, "flip speaker"]:
    """Every way to swap speakers (-1) or not (1) where they are few, random ones where not.

    >>> signs(2).tolist()
    [[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]
    """
    if num_speakers <= MOST_ENUMERATED:
        swapped = np.arange(2**num_speakers)[:, None] >> np.arange(num_speakers) & 1
    else:
        swapped = np.random.default_rng(seed).integers(0, 2, (NUM_SAMPLED, num_speakers), dtype=np.int8)
    return 1.0 - 2.0 * swapped


def least_p(num_speakers: int) -> float:
    """The least p that the test can give for so many speakers: that of a difference of one sign in all of them.

    >>> least_p(4), least_p(6)
    (0.125, 0.03125)
    """
    return 2 / 2**num_speakers if num_speakers <= MOST_ENUMERATED else 1 / (1 + NUM_SAMPLED)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for their number, so that to reject those below 0.05 errs once in twenty lists (Holm 1979).

    The k-th smallest of m becomes the largest of (m - j + 1) p_j over j <= k, and no more than 1.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.minimum(np.maximum.accumulate(factors * np.asarray(p_values, dtype=np.float64)[order]), 1.0)
    adjusted = np.empty(len(p_values))
    adjusted[order] = stepped
    return [float(p) for p in adjusted]


def mcnemar(first_right: Bool[np.ndarray, " clip"], second_right: Bool[np.ndarray, " clip"]) -> McNemar:
    """McNemar's exact two-sided test (1947): the clips that one system alone gets right fall to either like a coin.

    >>> mcnemar(np.array([True] * 6 + [False]), np.array([False] * 5 + [True] * 2))
    McNemar(only_first=5, only_second=1, p=0.21875)
    """
    only_first, only_second = int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum())
    tail = binom.cdf(min(only_first, only_second), only_first + only_second, 0.5)
    return McNemar(only_first, only_second, min(1.0, 2 * float(tail)))
