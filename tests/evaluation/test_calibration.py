"""The temperature: that it is found, that it changes no prediction, that it can be taken back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import softmax

from ser_lightning.evaluation.calibration import (
    HIGHEST,
    LOWEST,
    SCORES,
    calibrated,
    fit_temperature,
    uncalibrated_scores,
    without_temperature,
)
from ser_lightning.evaluation.intervals import table_intervals
from ser_lightning.evaluation.scores import table_scores

LABELS = ("angry", "happy", "sad", "calm")
TEMPERATURES = st.floats(LOWEST, HIGHEST)
ROWS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(2, 5)),
    elements=st.sampled_from([0.0, 1e-44, 1e-30, 0.1, 0.5, 0.5000001, 1.0, 1.0000001]) | st.floats(0, 1, width=32),
).filter(lambda rows: bool((rows.sum(axis=1) > 0.01).all()))


def drawn(clips, *, seed=0, scale=1.5):
    """Logits [clip class], and labels drawn with the very probabilities that these give: their temperature is 1."""
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(size=(clips, 4))
    truth = (softmax(logits, axis=1).cumsum(axis=1) < rng.random(clips)[:, None]).sum(axis=1)
    return logits, np.eye(4)[truth]


@pytest.mark.parametrize("scale", [3.0, 1.0, 0.4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_temperature_of_scaled_logits_is_found(scale, dtype):
    logits, target = drawn(8000)
    found = fit_temperature(softmax((scale * logits).astype(dtype), axis=1), target)
    assert found == pytest.approx(scale, abs=0.1)


def test_at_the_temperature_the_loss_is_least():
    logits, target = drawn(500, seed=3)
    p = softmax(2 * logits, axis=1)
    found = fit_temperature(p, target)

    def loss(temperature):
        return -(target * np.log(calibrated(p, temperature))).sum(axis=1).mean()

    grid = np.linspace(0.3, 6, 500)
    assert loss(found) <= min(loss(temperature) for temperature in grid)
    assert found == pytest.approx(grid[np.argmin([loss(temperature) for temperature in grid])], abs=0.02)


def test_soft_targets_have_a_temperature_too():
    """The very shares of votes that some logits give, and a model three times as sure."""
    logits, _ = drawn(300)
    assert fit_temperature(softmax(3 * logits, axis=1), softmax(logits, axis=1)) == pytest.approx(3.0, abs=1e-4)


def test_a_part_without_mistakes_has_the_lowest_temperature():
    p = np.array([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1]], dtype=np.float32)
    found = fit_temperature(p, np.eye(2)[[0, 1, 0]])
    assert found == pytest.approx(LOWEST, rel=1e-3)
    after = calibrated(p, found)
    assert np.isfinite(after).all()
    assert (after.max(axis=1) > p.max(axis=1)).all()


def test_a_part_of_nothing_but_mistakes_has_the_highest_temperature():
    p = np.array([[0.6, 0.4], [0.3, 0.7]], dtype=np.float32)
    assert fit_temperature(p, np.eye(2)[[1, 0]]) == pytest.approx(HIGHEST, rel=1e-3)


def test_the_smallest_probabilities_of_float32_keep_their_order():
    after = calibrated(np.array([[1.0, 1e-36, 1e-40, 1e-43, 0.0]], dtype=np.float32), 2.0)
    assert (np.diff(after[0]) < 0).all()


def test_where_nothing_is_better_the_temperature_is_1():
    assert fit_temperature(np.eye(3)[[0, 1, 2, 2]], np.eye(3)[[0, 1, 2, 2]]) == 1.0
    assert fit_temperature(np.full((4, 2), 0.5), np.eye(2)[[0, 1, 1, 1]]) == 1.0


def test_probabilities_of_0_that_were_wrong_stay_finite():
    found = fit_temperature(np.eye(2, dtype=np.float32)[[0, 0, 1, 1]], np.eye(2)[[0, 1, 1, 0]])
    assert LOWEST <= found <= HIGHEST
    assert np.isfinite(calibrated(np.eye(2, dtype=np.float32), found)).all()


@given(p=ROWS, temperature=TEMPERATURES)
def test_no_predicted_class_changes(p, temperature):
    after = calibrated(p, temperature)
    np.testing.assert_array_equal(after.argmax(axis=1), p.argmax(axis=1))
    assert after.dtype == np.float64
    assert after.sum(axis=1) == pytest.approx(np.ones(len(p)) if temperature != 1.0 else p.sum(axis=1, dtype=float))
    best = p == p.max(axis=1, keepdims=True)  # who shared the first place still shares it
    np.testing.assert_array_equal(after == after.max(axis=1, keepdims=True), best)


@given(seed=st.integers(0, 2**16), temperature=TEMPERATURES)
def test_it_is_the_softmax_of_divided_logits(seed, temperature):
    logits = np.random.default_rng(seed).normal(scale=4, size=(6, 5))
    expected = softmax(logits / temperature, axis=1)
    np.testing.assert_allclose(calibrated(softmax(logits, axis=1), temperature), expected, rtol=1e-9, atol=1e-12)


@given(seed=st.integers(0, 2**16), temperature=TEMPERATURES)
def test_the_inverse_of_the_temperature_takes_it_back(seed, temperature):
    p = np.random.default_rng(seed).dirichlet(np.ones(4), 6)
    np.testing.assert_allclose(calibrated(calibrated(p, temperature), 1 / temperature), p, rtol=1e-6, atol=1e-9)


def test_a_temperature_of_1_changes_nothing():
    p = np.array([[0.0, 0.25, 0.75]], dtype=np.float32)
    assert calibrated(p, 1.0).tolist() == [[0.0, 0.25, 0.75]]


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_a_stored_table_gives_back_what_was_before(random_table, table_of, temperature):
    """Through float32, as on disk."""
    before = random_table(LABELS, 200, 12)
    names = [f"p_{label}" for label in LABELS]
    truth = [LABELS.index(label) for label in before["label"]]
    p = calibrated(before.select(names).to_numpy(), temperature)
    after = table_of(p, truth, LABELS, speaker=before["speaker"].to_list())
    taken_back = without_temperature(after, LABELS, temperature)
    np.testing.assert_allclose(taken_back.select(names), before.select(names), atol=1e-6)
    assert taken_back["prediction"].to_list() == before["prediction"].to_list()
    found, expected = uncalibrated_scores(after, LABELS, temperature), table_scores(before, LABELS)
    around = table_intervals(before, LABELS)["scores"]
    assert list(found["scores"]) == list(found["intervals"]) == list(SCORES)
    for name in SCORES:
        assert found["scores"][name] == pytest.approx(expected[name], abs=1e-5)
        assert found["intervals"][name] == pytest.approx(around[name], abs=1e-4)


def test_of_few_speakers_there_is_no_interval_before(random_table):
    found = uncalibrated_scores(random_table(LABELS, 20, 2), LABELS, 1.5)
    assert found["intervals"] == {}
    assert json.dumps(found, allow_nan=False)


def test_the_temperature_lowers_log_loss_where_it_was_fitted(random_table, table_of):
    logits, target = drawn(1000)
    truth = target.argmax(axis=1).tolist()
    p = softmax(3 * logits, axis=1)
    found = fit_temperature(p, target)
    before, after = (table_scores(table_of(rows, truth, LABELS), LABELS) for rows in (p, calibrated(p, found)))
    assert after["log_loss"] < before["log_loss"]
    assert after["ece"] < before["ece"] / 2
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "confusion"):
        assert after[name] == before[name]
