"""Intervals over speakers: Hesterberg's percentiles, when there are none, and that they can be repeated and stored."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from ser_lightning.evaluation import intervals
from ser_lightning.evaluation.intervals import (
    bounded,
    drawn_together,
    expanded_tail,
    interval,
    num_voices,
    paired_interval,
    resample_weights,
    said,
    table_intervals,
    tally_intervals,
    too_few,
    voices,
)
from ser_lightning.evaluation.scores import NAMES, expected_calibration_error, table_scores
from ser_lightning.evaluation.tallies import tally

LABELS = ("angry", "happy", "sad")


def test_the_tail_is_hesterberg_s_by_hand():
    """n = 12: t(0.975; 11) = 2.200985 from the tables, and Phi(-sqrt(12 / 11) 2.200985) = Phi(-2.29884) = 0.010757."""
    assert expanded_tail(12) == pytest.approx(0.010757, abs=2e-6)
    assert expanded_tail(30) == pytest.approx(stats.norm.cdf(-math.sqrt(30 / 29) * stats.t.ppf(0.975, 29)))


def test_the_tail_of_endlessly_many_groups_is_the_plain_one():
    tails = [expanded_tail(num) for num in (10, 12, 24, 91, 1000, 10**7)]
    assert tails == sorted(tails)
    assert tails[-1] == pytest.approx(0.025, abs=1e-6)
    assert expanded_tail(10**7, level=0.9) == pytest.approx(0.05, abs=1e-6)


def test_of_endlessly_many_groups_the_interval_is_the_plain_percentile():
    resampled = np.random.default_rng(0).normal(size=2000)
    found = interval(resampled, float(resampled.mean()), 10**7)
    assert found == pytest.approx(tuple(np.quantile(resampled, [0.025, 0.975])), abs=1e-4)


def test_of_the_mean_of_symmetric_values_it_is_student_s_interval():
    """What the expansion is made for: mean +- t s / sqrt(n), with s of n - 1 degrees of freedom."""
    values = np.arange(12.0)
    resampled = resample_weights(12, num_resamples=200_000) @ values / 12
    low, high = interval(resampled, values.mean(), 12)
    half = stats.t.ppf(0.975, 11) * values.std(ddof=1) / math.sqrt(12)
    assert high - low == pytest.approx(2 * half, rel=0.03)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.03 * half)


def test_an_excess_of_the_resamples_moves_both_ends_back_and_the_far_end_twice():
    """Resamples around 0.25 of an estimate of 0.2: both by 0.05, the low end by 0.05 more; and the other way round."""
    spread = np.linspace(-0.1, 0.1, 2001)
    half = 0.1 * (1 - 2 * expanded_tail(20))
    assert interval(0.25 + spread, 0.2, 20) == pytest.approx((0.15 - half, 0.2 + half))
    assert interval(0.15 + spread, 0.2, 20) == pytest.approx((0.2 - half, 0.25 + half))


def test_the_calibration_error_is_held_in_spite_of_its_bias():
    """24 speakers of 60 clips, of a model whose confidence is 0.03 too high everywhere: the truth is 0.03. The estimate
    is above it on average, and so are its resamples once more: their plain percentiles hold the truth less often."""
    rng, weights = np.random.default_rng(0), resample_weights(24, num_resamples=400)
    ours = plain = 0
    estimates = []
    for _ in range(100):
        confidence = rng.uniform(0.4, 1.0, (24, 60))
        right = rng.random((24, 60)) < confidence - 0.03
        cell = np.arange(24)[:, None] * 15 + np.ceil(confidence * 15).astype(int) - 1
        columns = (np.ones(cell.size), confidence.ravel(), right.ravel())
        bins = np.stack([np.bincount(cell.ravel(), of, 24 * 15) for of in columns], axis=-1).reshape(24, 15, 3)
        estimates.append(float(expected_calibration_error(bins.sum(axis=0))))
        resampled = expected_calibration_error(np.tensordot(weights, bins, axes=1))
        low, high = interval(resampled, estimates[-1], 24)
        ours += low <= 0.03 <= high
        low, high = np.quantile(resampled, [0.025, 0.975])
        plain += low <= 0.03 <= high
    assert np.mean(estimates) > 0.035
    assert ours >= 92
    assert plain < ours - 5


def test_resamples_without_the_score_are_left_out():
    resampled = np.array([np.nan, 0.4, 0.5, np.nan, 0.6])
    assert interval(resampled, 0.5, 20) == interval(np.array([0.4, 0.5, 0.6]), 0.5, 20)


def test_a_constant_score_has_an_interval_of_no_width():
    assert interval(np.full(2000, 0.5), 0.5, 12) == (0.5, 0.5)


def test_resamples_draw_as_many_groups_as_there_are():
    weights = resample_weights(12, num_resamples=5000)
    assert weights.shape == (5000, 12)
    assert (weights.sum(axis=1) == 12).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(12), abs=0.06)
    assert weights.var() == pytest.approx(11 / 12, abs=0.03)  # binomial(12, 1 / 12)
    np.testing.assert_array_equal(weights, resample_weights(12, num_resamples=5000))
    assert (weights != resample_weights(12, num_resamples=5000, seed=1)).any()


def test_every_score_has_an_interval_around_it(random_table):
    table = random_table(LABELS, 600, 20, soft=True)
    found, scores = table_intervals(table, LABELS), table_scores(table, LABELS)
    assert list(found["scores"]) == list(NAMES)
    for name, (low, high) in found["scores"].items():
        assert low < scores[name] < high, name
    assert (found["level"], found["speakers"], found["reason"]) == (0.95, 20, "")


def test_the_interval_of_accuracy_is_that_of_the_speakers_means(random_table):
    """With equally many clips a speaker, accuracy is a mean over speakers, so Student's interval is nearly it."""
    table = random_table(LABELS, 1200, 40)
    means = table.group_by("speaker").agg(right=(pl.col("label") == pl.col("prediction")).mean())["right"].to_numpy()
    half = stats.t.ppf(0.975, 39) * means.std(ddof=1) / math.sqrt(40)
    low, high = table_intervals(table, LABELS)["scores"]["accuracy"]
    assert (low, high) == pytest.approx((means.mean() - half, means.mean() + half), abs=0.1 * half)


def test_the_same_table_has_the_same_interval_and_json_can_hold_it(random_table):
    table = random_table(LABELS, 300, 12)
    found = table_intervals(table, LABELS)
    assert found == table_intervals(table, LABELS)
    assert found != table_intervals(table, LABELS, seed=1)
    assert json.loads(json.dumps(found, allow_nan=False))["scores"]["kappa"] == list(found["scores"]["kappa"])


def test_the_order_of_the_rows_does_not_move_an_interval(random_table):
    table = random_table(LABELS, 300, 12)
    found, other = (table_intervals(rows, LABELS)["scores"] for rows in (table, table.reverse()))
    for name, around in found.items():
        assert other[name] == pytest.approx(around, abs=1e-9)


def test_a_perfect_table_has_intervals_of_no_width(table_of):
    speaker = [f"s{row % 10}" for row in range(30)]
    truth = [row // 10 for row in range(30)]
    table = table_of(np.eye(3)[truth], truth, LABELS, speaker=speaker)
    assert table_intervals(table, LABELS)["scores"]["balanced_accuracy"] == (1.0, 1.0)
    assert table_intervals(table, LABELS)["scores"]["brier"] == (0.0, 0.0)


def test_a_score_that_only_one_speaker_defines(table_of):
    """Only one of ten has a clip of another class: where it is not drawn there is no AUROC, and no kappa of use."""
    speaker = [f"s{row}" for row in range(10)]
    table = table_of([[0.6, 0.4]] * 9 + [[0.3, 0.7]], [0] * 9 + [1], ("calm", "angry"), speaker=speaker)
    found = table_intervals(table, ("calm", "angry"))["scores"]
    assert found["auroc"] == (1.0, 1.0)
    assert found["accuracy"] == (1.0, 1.0)


def test_nine_speakers_are_too_few_and_ten_are_not(random_table):
    nine, ten = random_table(LABELS, 90, 9), random_table(LABELS, 90, 10)
    found = table_intervals(nine, LABELS)
    assert found["scores"] == {}
    assert found["speakers"] == 9
    assert found["reason"] == "9 speakers are too few for an interval (10 are needed): look at the values of each"
    assert too_few(ten) == ""
    assert len(table_intervals(ten, LABELS)["scores"]) == len(NAMES) - 2  # but those of votes


def test_one_speaker_is_too_few(random_table):
    assert too_few(random_table(LABELS, 5, 1)).startswith("one speaker gives no interval (10 are needed)")


@pytest.mark.parametrize(
    ("unknown", "told"), [(1, "the speaker of 1 clip is not known"), (7, "the speakers of 7 clips are not known")]
)
def test_unknown_speakers_leave_no_interval(random_table, unknown, told):
    table = random_table(LABELS, 100, 20)
    table = table.with_columns(speaker=pl.Series([""] * unknown + table["speaker"].to_list()[unknown:]))
    found = table_intervals(table, LABELS)
    assert found["reason"].startswith(told)
    assert (found["scores"], found["speakers"]) == ({}, 20)


def test_speakers_of_one_name_in_two_corpora_are_two(random_table):
    table = random_table(LABELS, 40, 5, corpus=["one"] * 20 + ["two"] * 20)
    assert voices(table).n_unique() == num_voices(table) == 10
    assert voices(table)[0] == "one/s00"
    assert too_few(table) == ""


def test_very_many_speakers_are_drawn_in_bundles(monkeypatch):
    monkeypatch.setattr(intervals, "MOST_GROUPS", 3)
    assert drawn_together(pl.Series(["a", "b", "c", "a"])).to_list() == ["a", "b", "c", "a"]
    assert drawn_together(pl.Series(["a", "b", "c", "a", "e", "d"])).to_list() == [0, 1, 2, 0, 1, 0]


def test_bundles_hardly_change_an_interval(random_table, monkeypatch):
    table = random_table(LABELS, 4000, 400)
    by_speaker = table_intervals(table, LABELS)
    monkeypatch.setattr(intervals, "MOST_GROUPS", 200)
    in_bundles = table_intervals(table, LABELS)
    assert in_bundles["speakers"] == 400
    low, high = by_speaker["scores"]["balanced_accuracy"]
    assert in_bundles["scores"]["balanced_accuracy"] == pytest.approx((low, high), abs=0.15 * (high - low))


def test_the_intervals_of_a_tally_are_those_of_its_table(random_table):
    table = random_table(LABELS, 200, 10)
    assert tally_intervals(tally(table, LABELS, voices(table))) == table_intervals(table, LABELS)["scores"]


@pytest.mark.parametrize(
    ("name", "around", "within"),
    [
        ("accuracy", (-0.1, 1.1), (0.0, 1.0)),
        ("kappa", (-1.5, 1.5), (-1.0, 1.0)),
        ("brier", (-0.5, 2.5), (0.0, 2.0)),
        ("log_loss", (-1.0, 40.0), (0.0, 40.0)),
    ],
)
def test_intervals_end_where_the_score_does(name, around, within):
    assert bounded(name, around) == within


def test_said():
    assert said(0.98765, (0.9, 1.0)) == "0.988 [0.900, 1.000]"
    assert said(None, None) == "-"


def test_the_interval_of_a_difference_is_that_of_the_paired_resamples_within_what_a_difference_can_be():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.6, 0.1, 2000), rng.normal(0.5, 0.1, 2000)
    assert paired_interval("accuracy", first, second, 0.1, 12) == interval(first - second, 0.1, 12)
    far = rng.normal(1.5, 0.1, 2000)
    assert paired_interval("accuracy", far, -far, 3.0, 12)[1] == 1.0
    assert paired_interval("kappa", far, -far, 3.0, 12)[1] == 2.0
    assert paired_interval("log_loss", far, -far, 3.0, 12) == interval(2 * far, 3.0, 12)
