"""The paired tests against hand-worked cases, integer arithmetic, and scipy."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test
from sklearn.metrics import balanced_accuracy_score

from ser_lightning.evaluation.significance import (
    NUM_SAMPLED,
    differences,
    holm,
    least_p,
    mcnemar,
    sign_flip,
    signs,
)


def confusions(hits, clips=10):
    """Of two classes with `clips` each a speaker; the first has hits[speaker] right, the second all."""
    return np.array([[[right, clips - right], [0, clips]] for right in hits], dtype=float)


def by_integers(first, second):
    """The exact p, counted with integers: no rounding can lose a tie."""
    gains = [a - b for a, b in zip(first, second, strict=True)]
    flips = list(itertools.product((1, -1), repeat=len(gains)))
    sums = [abs(sum(sign * gain for sign, gain in zip(flip, gains, strict=True))) for flip in flips]
    return sum(value >= abs(sum(gains)) for value in sums) / len(flips)


def test_all_speakers_on_one_side_give_the_least_p():
    test = sign_flip(confusions([9, 8, 9, 7]), confusions([5, 6, 5, 6]))
    assert test.difference == pytest.approx((4 + 2 + 4 + 1) / 40 / 2)
    assert test.p == 2 / 16
    assert test.least_p == 2 / 16


def test_one_speaker_on_the_other_side():
    # Gains 3, 2, 2, -1: |sum| >= 6 of +-3 +-2 +-2 +-1 in 2 * (3+2+2+1, 3+2+2-1) of 16 ways.
    assert sign_flip(confusions([8, 7, 7, 4]), confusions([5, 5, 5, 5])).p == 4 / 16


@given(
    st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=1, max_size=9),
)
def test_exact_p_is_that_of_integers_ties_included(hits):
    first, second = zip(*hits, strict=True)
    assert sign_flip(confusions(first), confusions(second)).p == by_integers(first, second)


def test_exact_p_is_scipys():
    random = np.random.default_rng(3)
    first, second = random.integers(2, 10, 8), random.integers(1, 9, 8)
    found = permutation_test(
        (first, second),
        lambda x, y, axis: (x - y).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert sign_flip(confusions(first), confusions(second)).p == pytest.approx(found.pvalue, abs=1e-12)


def test_the_sum_over_speakers_is_the_difference_of_scikit_learns_scores_under_every_swap():
    random = np.random.default_rng(0)
    speaker, truth = random.integers(0, 4, 200), random.integers(0, 3, 200)
    guesses = np.where(random.random((2, 200)) < 0.5, truth, random.integers(0, 3, (2, 200)))
    tables = np.zeros((2, 4, 3, 3))
    for system in range(2):
        np.add.at(tables[system], (speaker, truth, guesses[system]), 1)
    by_speaker = differences(*tables)
    for flip in signs(4):
        swap = (flip < 0)[speaker]
        first, second = (np.where(swap, guesses[1 - system], guesses[system]) for system in range(2))
        expected = balanced_accuracy_score(truth, first) - balanced_accuracy_score(truth, second)
        assert flip @ by_speaker == pytest.approx(expected, abs=1e-12)


def test_a_class_that_no_clip_has_counts_for_nothing():
    first = np.zeros((3, 3, 3))
    first[:, 0, 0], first[:, 2, 2] = 4, 4
    second = np.zeros((3, 3, 3))
    second[:, 0, 0], second[:, 0, 1], second[:, 2, 2] = 2, 2, 4
    assert sign_flip(first, second).difference == pytest.approx((1.0 - 0.5) / 2)


@pytest.mark.parametrize("num", [5, 20])
def test_the_same_predictions_give_p_of_one(num):
    same = confusions([7] * num)
    assert sign_flip(same, same).p == 1.0
    assert sign_flip(same, same).difference == 0.0


def test_many_speakers_are_sampled_and_the_observed_swap_counts():
    test = sign_flip(confusions([9] * 30), confusions([2] * 30))
    assert test.p == 1 / (1 + NUM_SAMPLED) == test.least_p


def test_sampled_p_is_near_the_exact_one_and_repeats():
    random = np.random.default_rng(5)
    first, second = random.integers(2, 10, 14), random.integers(1, 9, 14)
    found = sign_flip(confusions(first), confusions(second), seed=1)
    exact = by_integers(first, second)
    assert 0.02 < exact < 0.5
    assert found.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / NUM_SAMPLED))
    assert found == sign_flip(confusions(first), confusions(second), seed=1)


def test_swapping_the_systems_turns_the_sign_alone():
    first, second = confusions([9, 3, 5, 6, 8]), confusions([4, 5, 5, 2, 8])
    there, back = sign_flip(first, second), sign_flip(second, first)
    assert (there.difference, there.p) == (-back.difference, back.p)


def test_other_clips_are_no_pair():
    with pytest.raises(AssertionError, match="not the same clips"):
        sign_flip(confusions([5, 5]), confusions([5, 5], clips=9))


@pytest.mark.parametrize(("num", "least"), [(1, 1.0), (2, 0.5), (4, 0.125), (13, 2**-12), (14, 1 / 10_001)])
def test_least_p(num, least):
    assert least_p(num) == least


def test_holm_is_that_of_r():
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R, multipletests(..., method="holm") in statsmodels.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("given", "adjusted"),
    [([], []), ([0.2], [0.2]), ([0.6, 0.7], [1.0, 1.0]), ([0.02, 0.02], [0.04, 0.04]), ([0.0, 1.0], [0.0, 1.0])],
)
def test_holm_at_its_edges(given, adjusted):
    assert holm(given) == pytest.approx(adjusted)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (1, 0), (5, 5), (12, 3), (3, 12), (40, 61)])
def test_mcnemar_is_scipys_binomial_test(only_first, only_second):
    first = np.array([True] * only_first + [False] * only_second + [True, False])
    second = np.array([False] * only_first + [True] * only_second + [True, False])
    test = mcnemar(first, second)
    assert (test.only_first, test.only_second) == (only_first, only_second)
    discordant = only_first + only_second
    expected = binomtest(only_first, discordant, 0.5).pvalue if discordant else 1.0
    assert test.p == pytest.approx(expected, abs=1e-12)


@pytest.mark.slow
def test_the_level_holds_where_mcnemars_does_not():
    script = Path(__file__).parents[2] / "benchmarks" / "paired_test.py"
    said = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout
    levels = re.findall(r"\(level\).*speakers +([\d.]+)%.*clips +([\d.]+)%", said)
    assert len(levels) == 2
    for by_speaker, by_clip in levels:
        assert 4.0 <= float(by_speaker) <= 6.5
        assert float(by_clip) > 20.0
