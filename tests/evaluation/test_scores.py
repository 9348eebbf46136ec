"""Every score equals scikit-learn's where scikit-learn has one, and is None where there is none."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from ser_lightning.evaluation.predictions import predictions_table
from ser_lightning.evaluation.scores import TableScores, table_scores

NAMES = ("angry", "happy", "sad", "calm", "fear", "disgust", "surprise", "neutral")


def table(truth: list[int], num_classes: int, *, seed: int = 0, decimals: int | None = None, skill: float = 1.0):
    """Probabilities [clip class] that know something of the truth, coarse (tied) where `decimals` is given."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(truth), num_classes)) + skill * np.eye(num_classes)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    if decimals is not None:
        probabilities = np.round(probabilities, decimals)
    return probabilities.astype(np.float32), np.array(truth)


def score_clips(probabilities: np.ndarray, truth: np.ndarray, labels: tuple[str, ...]) -> TableScores:
    """The scores of the predictions table that these make."""
    about = dict.fromkeys(("clip", "corpus", "speaker", "sex", "text", "intensity"), [""] * len(truth))
    clips = pl.DataFrame({**about, "seconds": [1.0] * len(truth), "label": [labels[index] for index in truth]})
    return table_scores(predictions_table(clips, probabilities, labels), labels)


def assert_scikit_learns(scores: TableScores, probabilities: np.ndarray, truth: np.ndarray) -> None:
    """All of `scores` against scikit-learn."""
    labels = list(range(probabilities.shape[1]))
    true, guess, p = truth, probabilities.argmax(1), probabilities
    options = {"zero_division": 0.0}
    expected = {
        "clips": len(true),
        "accuracy": sklearn.metrics.accuracy_score(true, guess),
        "macro_f1": sklearn.metrics.f1_score(true, guess, average="macro", **options),
        "weighted_f1": sklearn.metrics.f1_score(true, guess, average="weighted", **options),
    }
    with warnings.catch_warnings():  # classes predicted that the truth lacks: what is tested here
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", message="A single label was found")
        expected["balanced_accuracy"] = sklearn.metrics.balanced_accuracy_score(true, guess)
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value, abs=1e-12), name  # type: ignore[literal-required]
    assert scores["confusion"] == sklearn.metrics.confusion_matrix(true, guess, labels=labels).tolist()
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        true, guess, labels=labels, **options
    )
    areas = []
    for label, of_class in zip(labels, scores["per_class"].values(), strict=True):
        seen, mentioned = label in true, label in true or label in guess
        assert of_class["precision"] == pytest.approx(precision[label], abs=1e-12)
        assert of_class["recall"] == (pytest.approx(recall[label], abs=1e-12) if seen else None)
        assert of_class["f1"] == (pytest.approx(f1[label], abs=1e-12) if mentioned else None)
        assert of_class["support"] == support[label]
        if 0 < support[label] < len(true):
            areas.append(sklearn.metrics.roc_auc_score(true == label, p[:, label]))
            assert of_class["auroc"] == pytest.approx(areas[-1], abs=1e-6)
        else:
            assert of_class["auroc"] is None
    assert scores["auroc"] == (pytest.approx(np.mean(areas), abs=1e-6) if areas else None)


@pytest.mark.parametrize("num_classes", [2, 3, 7, 8])
@pytest.mark.parametrize("decimals", [None, 1], ids=["continuous", "tied"])
def test_random_tables(num_classes, decimals):
    truth = np.random.default_rng(num_classes).integers(0, num_classes, 300).tolist()
    probabilities, label = table(truth, num_classes, seed=1, decimals=decimals)
    assert_scikit_learns(score_clips(probabilities, label, NAMES[:num_classes]), probabilities, label)


@pytest.mark.parametrize("num_classes", [3, 7])
def test_auroc_is_scikit_learns_one_vs_rest_macro(num_classes):
    truth = np.random.default_rng(0).integers(0, num_classes, 200).tolist()
    probabilities, label = table(truth, num_classes)
    expected = sklearn.metrics.roc_auc_score(label, probabilities, multi_class="ovr", average="macro")
    assert score_clips(probabilities, label, NAMES[:num_classes])["auroc"] == pytest.approx(expected, abs=1e-6)


def test_both_classes_of_two_have_the_one_area():
    probabilities, label = table([0, 1] * 40, 2)
    scores = score_clips(probabilities, label, ("calm", "angry"))
    expected = sklearn.metrics.roc_auc_score(label, probabilities[:, 1])
    assert scores["auroc"] == pytest.approx(expected, abs=1e-6)
    assert scores["per_class"]["calm"]["auroc"] == pytest.approx(expected, abs=1e-6)


EDGES = {
    "a class absent from the truth": ([0, 0, 1, 1, 0], [[0.9, 0, 0.1], [0, 0.1, 0.9], [0, 1, 0], [0, 1, 0], [1, 0, 0]]),
    "a class absent from the predictions": ([0, 1, 2, 2], [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0.3, 0.6, 0.1]]),
    "a class absent from both": ([0, 1, 1], [[0.8, 0.2, 0], [0.6, 0.4, 0], [0.1, 0.9, 0]]),
    "one clip, right": ([1], [[0.2, 0.7, 0.1]]),
    "one clip, wrong": ([1], [[0.7, 0.2, 0.1]]),
    "one class only": ([2, 2, 2], [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]]),
    "all ties": ([0, 1, 2], [[0.25, 0.25, 0.25]] * 3),
    "all right": ([0, 1, 2], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "all wrong": ([0, 1, 2], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "two classes": ([0, 1, 1], [[0.6, 0.4], [0.55, 0.45], [0.2, 0.8]]),
}


@pytest.mark.parametrize(("truth", "probabilities"), EDGES.values(), ids=EDGES.keys())
def test_edge_cases(truth, probabilities):
    p, label = np.array(probabilities, dtype=np.float32), np.array(truth)
    assert_scikit_learns(score_clips(p, label, NAMES[: p.shape[1]]), p, label)


def test_a_class_absent_from_the_truth_by_hand():
    truth, probabilities = EDGES["a class absent from the truth"]
    scores = score_clips(np.array(probabilities, dtype=np.float32), np.array(truth), ("angry", "happy", "sad"))
    assert scores["confusion"] == [[2, 0, 1], [0, 2, 0], [0, 0, 0]]
    assert scores["accuracy"] == pytest.approx(4 / 5)
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)  # over angry and happy
    assert scores["macro_f1"] == pytest.approx((4 / 5 + 1 + 0) / 3)  # sad was predicted: its F1 is 0
    assert scores["per_class"]["sad"] == {"precision": 0.0, "recall": None, "f1": 0.0, "auroc": None, "support": 0}


def test_a_class_absent_from_both_counts_nowhere():
    truth, probabilities = EDGES["a class absent from both"]
    scores = score_clips(np.array(probabilities, dtype=np.float32), np.array(truth), ("angry", "happy", "sad"))
    assert scores["per_class"]["sad"] == {"precision": 0.0, "recall": None, "f1": None, "auroc": None, "support": 0}
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert scores["balanced_accuracy"] == pytest.approx(0.75)


@settings(derandomize=True, deadline=None, max_examples=40, database=None)
@given(
    truth=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    seed=st.integers(0, 2**16),
    decimals=st.sampled_from([None, 0, 1]),
)
def test_small_tables(truth, seed, decimals):
    probabilities, label = table(truth, 4, seed=seed, decimals=decimals)
    assert_scikit_learns(score_clips(probabilities, label, NAMES[:4]), probabilities, label)
