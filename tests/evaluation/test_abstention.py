"""The risk-coverage curve: worked by hand, and by brute force over every order of equal confidences."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from ser_lightning.evaluation.abstention import (
    THRESHOLDS,
    answered_at,
    risk_coverage,
    table_abstention,
    table_risk_coverage,
)

LABELS = ("angry", "happy", "sad")


def curve_of(confidence, right):
    return risk_coverage(np.array(confidence), np.array(right, dtype=bool))


def area_in_order(right):
    """The mean risk of the first k clips, as defined, one k after another."""
    return np.mean([np.mean([not one for one in right[:k]]) for k in range(1, len(right) + 1)])


def test_four_clips_by_hand_in_any_order():
    curve = curve_of([0.3, 0.9, 0.5, 0.7], [1, 1, 1, 0])
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert curve.risk.tolist() == [0.0, 1 / 2, 1 / 3, 1 / 4]
    assert curve.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert curve.excess_area == pytest.approx(curve.area - (1 / 4) / 4)


@pytest.mark.parametrize(("right", "risk"), [([1] * 5, 0.0), ([0] * 5, 1.0)], ids=["all right", "all wrong"])
def test_where_every_order_is_the_best_there_is_no_excess(right, risk):
    curve = curve_of([0.9, 0.8, 0.8, 0.4, 0.3], right)
    assert curve.risk.tolist() == [risk] * 4
    assert (curve.area, curve.excess_area) == (risk, 0.0)


@pytest.mark.parametrize("right", [True, False])
def test_one_clip(right):
    curve = curve_of([0.75], [right])
    assert (curve.coverage.tolist(), curve.risk.tolist()) == ([1.0], [float(not right)])
    assert (curve.area, curve.excess_area) == (float(not right), 0.0)


def test_confidence_that_says_nothing_has_the_risk_of_all_and_one_point():
    curve = curve_of([0.5] * 8, [1, 0, 0, 1, 1, 1, 0, 1])
    assert (curve.coverage.tolist(), curve.risk.tolist()) == ([1.0], [3 / 8])
    assert curve.area == pytest.approx(3 / 8)


def test_the_best_order_has_no_excess_and_the_worst_the_most():
    right = [1, 1, 1, 0, 0]
    confidence = [0.9, 0.8, 0.7, 0.6, 0.5]
    assert curve_of(confidence, right).excess_area == pytest.approx(0.0)
    areas = [curve_of(confidence, order).area for order in itertools.permutations(right)]
    assert curve_of(confidence, right).area == pytest.approx(min(areas))
    assert curve_of(confidence, right[::-1]).area == pytest.approx(max(areas))


@pytest.mark.parametrize("seed", range(6))
def test_the_area_with_ties_is_the_mean_over_every_order_of_the_ties(seed):
    rng = np.random.default_rng(seed)
    confidence, right = rng.integers(5, 8, 7) / 10, rng.random(7) < 0.6
    areas = [
        area_in_order(right[list(order)])
        for order in itertools.permutations(range(7))
        if np.all(np.diff(confidence[list(order)]) <= 0)
    ]
    assert len(areas) > 1
    assert curve_of(confidence, right).area == pytest.approx(np.mean(areas), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_curve_and_the_area_are_those_of_counting(seed):
    rng = np.random.default_rng(seed)
    confidence = rng.random(300).astype(np.float32)
    right = rng.random(300) < confidence
    curve = risk_coverage(confidence, right)
    expected = [(np.mean(confidence >= least), np.mean(~right[confidence >= least])) for least in curve.confidence]
    np.testing.assert_allclose(np.stack([curve.coverage, curve.risk], axis=1), expected, rtol=0, atol=1e-12)
    assert curve.area == pytest.approx(area_in_order(right[np.argsort(-confidence)]), abs=1e-12)
    assert 0 < curve.excess_area < curve.area < curve.risk[-1]


def test_equal_confidences_are_answered_together():
    curve = curve_of([0.6, 0.9, 0.6, 0.6], [1, 1, 0, 0])
    assert curve.answered.tolist() == [1, 4]
    assert answered_at(curve, 0.6) == {"threshold": 0.6, "coverage": 1.0, "risk": 0.5, "answered": 4}
    assert answered_at(curve, 0.61) == {"threshold": 0.61, "coverage": 0.25, "risk": 0.0, "answered": 1}


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_probability_of_float32_reaches_the_threshold_of_its_own_name(threshold):
    confidence = np.array([threshold], dtype=np.float32)
    assert answered_at(risk_coverage(confidence, np.array([True])), threshold)["answered"] == 1
    below = np.nextafter(confidence, np.float32(0))
    assert answered_at(risk_coverage(below, np.array([True])), threshold)["answered"] == 0


def test_of_a_table_the_largest_probability_and_the_hard_label_count(table_of):
    p = [[0.1, 0.8, 0.1], [0.55, 0.25, 0.2], [0.3, 0.3, 0.4]]
    votes = np.array([[0, 1, 0], [0, 0.4, 0.6], [0.6, 0, 0.4]], dtype=np.float32)
    table = table_of(p, [1, 2, 2], LABELS, votes)
    curve = table_risk_coverage(table, LABELS)
    assert curve.confidence.tolist() == np.array([0.8, 0.55, 0.4], dtype=np.float32).tolist()
    assert curve.wrong.tolist() == [0, 1, 1]
    found = table_abstention(table, LABELS)
    assert found["risk"] == pytest.approx(1 / 3)
    assert found["aurc"] == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    assert found["excess_aurc"] == pytest.approx(found["aurc"] - 1 / 9)
    assert [(row["threshold"], row["answered"], row["risk"]) for row in found["thresholds"]] == [
        (0.5, 2, 0.5),
        (0.6, 1, 0.0),
        (0.7, 1, 0.0),
        (0.8, 1, 0.0),
        (0.9, 0, None),
    ]


def test_json_holds_a_part_of_which_nothing_is_answered(table_of):
    found = table_abstention(table_of([[0.4, 0.3, 0.3]], [0], LABELS), LABELS)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {(row["coverage"], row["risk"], row["answered"]) for row in found["thresholds"]} == {(0.0, None, 0)}
