"""The curves and what is summed from them equal scikit-learn's; the bins are those of the calibration error."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import sklearn.metrics

from ser_lightning.evaluation.curves import (
    precision_recall_curve,
    precision_recall_curves,
    roc_curve,
    roc_curves,
)
from ser_lightning.evaluation.reliability import Bin, reliability
from ser_lightning.evaluation.scores import table_scores

RANDOM = np.random.default_rng(0)
MANY = RANDOM.random(200) < 0.3
SCORES = {
    "random": (MANY, RANDOM.random(200)),
    "ties": (MANY, np.round(RANDOM.random(200) + 0.4 * MANY, 1)),
    "float32": (MANY, RANDOM.random(200).astype(np.float32)),
    "all equal": (MANY, np.full(200, 0.5)),
    "perfect": (MANY, MANY.astype(float)),
    "upside down": (MANY, 1.0 - MANY),
    "one positive": (np.arange(9) == 4, np.linspace(0, 1, 9)),
    "two clips": (np.array([True, False]), np.array([0.2, 0.8])),
}


@pytest.mark.parametrize(("truth", "score"), SCORES.values(), ids=SCORES.keys())
def test_roc_curve_is_scikit_learns(truth, score):
    curve = roc_curve(truth, score)
    expected = sklearn.metrics.roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, expected[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.true_positive_rate, expected[1], rtol=0, atol=1e-12)
    assert curve.area == pytest.approx(sklearn.metrics.roc_auc_score(truth, score), abs=1e-12)


@pytest.mark.parametrize("truth", [np.zeros(5, dtype=bool), np.ones(5, dtype=bool), np.zeros(0, dtype=bool)])
def test_there_is_no_roc_curve_without_both_kinds(truth):
    assert roc_curve(truth, np.linspace(0, 1, truth.size)) is None


def predictions(truth: np.ndarray, probabilities: np.ndarray, labels: list[str]) -> pl.DataFrame:
    columns = {f"p_{label}": probabilities[:, index] for index, label in enumerate(labels)}
    return pl.DataFrame({"label": [labels[index] for index in truth]} | columns)


def test_roc_curves_are_one_vs_rest_and_leave_out_the_absent_class():
    labels = ["angry", "happy", "sad"]
    truth, probabilities = RANDOM.integers(0, 2, 60), RANDOM.dirichlet(np.ones(3), 60)
    curves = roc_curves(predictions(truth, probabilities, labels), labels)
    assert list(curves) == ["angry", "happy"]
    for index, label in enumerate(curves):
        expected = sklearn.metrics.roc_auc_score(truth == index, probabilities[:, index])
        assert curves[label].area == pytest.approx(expected, abs=1e-12)


def test_two_classes_have_mirrored_curves_of_one_area():
    truth, first = RANDOM.integers(0, 2, 40), RANDOM.random(40)
    curves = roc_curves(predictions(truth, np.stack([first, 1 - first], 1), ["a", "b"]), ["a", "b"])
    assert curves["a"].area == pytest.approx(curves["b"].area, abs=1e-12)


@pytest.mark.parametrize(("truth", "score"), SCORES.values(), ids=SCORES.keys())
def test_precision_recall_curve_is_scikit_learns(truth, score):
    curve = precision_recall_curve(truth, score)
    precision, recall, _ = sklearn.metrics.precision_recall_curve(truth, score)
    np.testing.assert_allclose(curve.precision, precision, rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.recall, recall, rtol=0, atol=1e-12)
    assert curve.average_precision == pytest.approx(sklearn.metrics.average_precision_score(truth, score), abs=1e-12)
    assert curve.prevalence == pytest.approx(truth.mean(), abs=1e-12)


@pytest.mark.parametrize("truth", [np.zeros(5, dtype=bool), np.ones(5, dtype=bool), np.zeros(0, dtype=bool)])
def test_there_is_no_precision_recall_curve_without_both_kinds(truth):
    assert precision_recall_curve(truth, np.linspace(0, 1, truth.size)) is None


def test_precision_recall_curves_are_one_vs_rest_and_leave_out_the_absent_class():
    labels = ["angry", "happy", "sad"]
    truth, probabilities = RANDOM.integers(0, 2, 60), RANDOM.dirichlet(np.ones(3), 60)
    curves = precision_recall_curves(predictions(truth, probabilities, labels), labels)
    assert list(curves) == ["angry", "happy"]
    for index, label in enumerate(curves):
        expected = sklearn.metrics.average_precision_score(truth == index, probabilities[:, index])
        assert curves[label].average_precision == pytest.approx(expected, abs=1e-12)


def test_the_bins_add_up_to_the_calibration_error_and_to_the_table(random_table):
    labels = ["angry", "happy", "sad"]
    table = random_table(labels, 300, 12)
    bins, scores = reliability(table, labels), table_scores(table, labels)
    gaps = [one.clips * abs(one.confidence - one.accuracy) for one in bins]
    assert sum(gaps) / 300 == pytest.approx(scores["ece"], abs=1e-12)
    assert sum(one.clips for one in bins) == 300
    assert sum(one.clips * one.accuracy for one in bins) == pytest.approx(300 * scores["accuracy"])


def test_a_bin_holds_what_is_above_its_low_end_and_up_to_its_high_end(table_of):
    table = table_of([[0.8, 0.2], [0.75, 0.25], [0.81, 0.19]], [0, 1, 0], ["a", "b"])
    assert reliability(table, ["a", "b"]) == [
        Bin(11 / 15, 12 / 15, 1, pytest.approx(0.75), 0.0),
        Bin(12 / 15, 13 / 15, 2, pytest.approx(0.805), 1.0),
    ]


def test_the_bins_of_one_clip(table_of):
    (only,) = reliability(table_of([[0.0, 1.0]], [1], ["a", "b"]), ["a", "b"])
    assert only == Bin(14 / 15, 1.0, 1, 1.0, 1.0)
