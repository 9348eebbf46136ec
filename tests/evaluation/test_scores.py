"""Every score equals that of scikit-learn, SciPy or torchmetrics where they have it, and None where there is none."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.spatial.distance
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.classification import MulticlassCalibrationError

from ser_lightning.evaluation.scores import ALIASES, NAMES, RANGES, SMALL_IS_GOOD, all_scores, table_scores
from ser_lightning.evaluation.tallies import table_sums

LABELS = ("angry", "happy", "sad", "calm", "fear", "disgust", "surprise", "neutral")


def columns(table, labels):
    """Truth, predicted class and probabilities of a predictions table, as scikit-learn takes them."""
    truth, guess = (np.array([labels.index(name) for name in table[column]]) for column in ("label", "prediction"))
    return truth, guess, table.select(f"p_{label}" for label in labels).to_numpy().astype(np.float64)


def expected_scores(table, labels):
    """What others' implementations say of a table; NaN where they say that it is undefined."""
    truth, guess, p = columns(table, labels)
    classes = list(range(len(labels)))
    with warnings.catch_warnings():
        # Each is what the edge cases are there for.
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", message="A single label was found")
        warnings.filterwarnings("ignore", message="cohen_kappa_score.*|.*[kK]appa.*", category=UserWarning)
        warnings.filterwarnings("ignore", message="The y_prob(a)? values do not sum to one")
        return {
            "accuracy": sklearn.metrics.accuracy_score(truth, guess),
            "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(truth, guess),
            "macro_f1": sklearn.metrics.f1_score(truth, guess, average="macro", zero_division=0.0),
            "weighted_f1": sklearn.metrics.f1_score(truth, guess, average="weighted", zero_division=0.0),
            "kappa": sklearn.metrics.cohen_kappa_score(truth, guess),
            "log_loss": sklearn.metrics.log_loss(truth, p, labels=classes),
            "brier": sklearn.metrics.brier_score_loss(truth, p, labels=classes, scale_by_half=False),
            "top2_accuracy": (
                sklearn.metrics.top_k_accuracy_score(truth, p, k=2, labels=classes) if len(labels) > 2 else 1.0
            ),
        }


def assert_others_agree(table, labels):
    """All of the table's scores against scikit-learn's, its AUROC class by class."""
    scores, (truth, guess, p) = table_scores(table, labels), columns(table, labels)
    for name, value in expected_scores(table, labels).items():
        found = scores[name]
        assert found == (None if math.isnan(value) else pytest.approx(value, rel=1e-9, abs=1e-9)), name
    classes = list(range(len(labels)))
    assert scores["clips"] == len(truth)
    assert scores["confusion"] == sklearn.metrics.confusion_matrix(truth, guess, labels=classes).tolist()
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        truth, guess, labels=classes, zero_division=0.0
    )
    areas = []
    for index, of_class in enumerate(scores["per_class"].values()):
        seen, mentioned = index in truth, index in truth or index in guess
        assert of_class["precision"] == pytest.approx(precision[index], abs=1e-12)
        assert of_class["recall"] == (pytest.approx(recall[index], abs=1e-12) if seen else None)
        assert of_class["f1"] == (pytest.approx(f1[index], abs=1e-12) if mentioned else None)
        assert of_class["support"] == support[index]
        if 0 < support[index] < len(truth):
            areas.append(sklearn.metrics.roc_auc_score(truth == index, p[:, index]))
            assert of_class["auroc"] == pytest.approx(areas[-1], abs=1e-12)
        else:
            assert of_class["auroc"] is None
    assert scores["auroc"] == (pytest.approx(np.mean(areas), abs=1e-12) if areas else None)


@pytest.mark.parametrize("num_classes", [2, 3, 7, 8])
@pytest.mark.parametrize("decimals", [None, 1, 0], ids=["continuous", "tied", "0 and 1"])
def test_random_tables(random_table, num_classes, decimals):
    labels = LABELS[:num_classes]
    assert_others_agree(random_table(labels, 300, 5, seed=num_classes, decimals=decimals), labels)


@pytest.mark.parametrize("num_classes", [3, 7])
def test_auroc_is_scikit_learns_one_vs_rest_macro(random_table, num_classes):
    table = random_table(LABELS[:num_classes], 200, 1)
    truth, _, p = columns(table, LABELS[:num_classes])
    p /= p.sum(axis=1, keepdims=True)
    expected = sklearn.metrics.roc_auc_score(truth, p, multi_class="ovr", average="macro")
    assert table_scores(table, LABELS[:num_classes])["auroc"] == pytest.approx(expected, abs=1e-6)


def test_both_classes_of_two_have_the_one_area(random_table):
    table = random_table(("calm", "angry"), 80, 1)
    truth, _, p = columns(table, ("calm", "angry"))
    expected = sklearn.metrics.roc_auc_score(truth, p[:, 1])
    scores = table_scores(table, ("calm", "angry"))
    assert scores["auroc"] == pytest.approx(expected, abs=1e-6)
    assert scores["per_class"]["calm"]["auroc"] == pytest.approx(expected, abs=1e-6)


EDGES = {
    "a class absent from the truth": ([0, 0, 1, 1, 0], [[0.9, 0, 0.1], [0, 0.1, 0.9], [0, 1, 0], [0, 1, 0], [1, 0, 0]]),
    "a class absent from the predictions": ([0, 1, 2, 2], [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0.3, 0.6, 0.1]]),
    "a class absent from both": ([0, 1, 1], [[0.8, 0.2, 0], [0.6, 0.4, 0], [0.1, 0.9, 0]]),
    "one clip, right": ([1], [[0.2, 0.7, 0.1]]),
    "one clip, wrong": ([1], [[0.7, 0.2, 0.1]]),
    "one class only": ([2, 2, 2], [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]]),
    "one class only, all right": ([2, 2], [[0.1, 0.1, 0.8], [0.2, 0.2, 0.6]]),
    "all ties": ([0, 1, 2], [[1 / 3, 1 / 3, 1 / 3]] * 3),
    "ties of two": ([0, 1, 2, 0], [[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.2, 0.4, 0.4]]),
    "all right": ([0, 1, 2], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    "all wrong": ([0, 1, 2], [[0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "two classes": ([0, 1, 1], [[0.6, 0.4], [0.55, 0.45], [0.2, 0.8]]),
}


@pytest.mark.parametrize(("truth", "probabilities"), EDGES.values(), ids=EDGES.keys())
def test_edge_cases(table_of, truth, probabilities):
    labels = LABELS[: len(probabilities[0])]
    assert_others_agree(table_of(probabilities, truth, labels), labels)


@settings(max_examples=40)
@given(
    truth=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    seed=st.integers(0, 2**16),
    decimals=st.sampled_from([None, 0, 1]),
)
def test_small_tables(table_of, truth, seed, decimals):
    p = np.random.default_rng(seed).dirichlet(np.ones(4), len(truth))
    assert_others_agree(table_of(p if decimals is None else p.round(decimals), truth, LABELS[:4]), LABELS[:4])


def test_a_class_absent_from_the_truth_by_hand(table_of):
    truth, probabilities = EDGES["a class absent from the truth"]
    scores = table_scores(table_of(probabilities, truth, LABELS[:3]), LABELS[:3])
    assert scores["confusion"] == [[2, 0, 1], [0, 2, 0], [0, 0, 0]]
    assert scores["accuracy"] == pytest.approx(4 / 5)
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)  # over angry and happy
    assert scores["macro_f1"] == pytest.approx((4 / 5 + 1 + 0) / 3)  # sad was predicted: its F1 is 0
    assert scores["per_class"]["sad"] == {"precision": 0.0, "recall": None, "f1": 0.0, "auroc": None, "support": 0}


def test_a_class_absent_from_both_counts_nowhere(table_of):
    truth, probabilities = EDGES["a class absent from both"]
    scores = table_scores(table_of(probabilities, truth, LABELS[:3]), LABELS[:3])
    assert scores["per_class"]["sad"] == {"precision": 0.0, "recall": None, "f1": None, "auroc": None, "support": 0}
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert scores["balanced_accuracy"] == pytest.approx(0.75)


def test_a_table_without_clips_has_no_scores(table_of):
    scores = table_scores(table_of(np.zeros((0, 3)), [], LABELS[:3]), LABELS[:3])
    assert scores["clips"] == 0
    assert {name: scores[name] for name in NAMES} == dict.fromkeys(NAMES)


@pytest.mark.parametrize("num_classes", [2, 3, 8])
@pytest.mark.parametrize("clips", [1, 7, 400])
def test_calibration_error_is_torchmetrics(random_table, num_classes, clips):
    labels = LABELS[:num_classes]
    table = random_table(labels, clips, 1, seed=clips)
    truth, _, p = columns(table, labels)
    metric = MulticlassCalibrationError(num_classes, n_bins=15, norm="l1")
    expected = metric(torch.from_numpy(p), torch.from_numpy(truth)).item()
    assert table_scores(table, labels)["ece"] == pytest.approx(expected, abs=1e-6)


def test_calibration_error_by_hand(table_of):
    """Confidences 0.9, 0.9 (one right), 0.6 (wrong) and 1 (right), in three bins: 1 is in the bin of the others above
    14/15, where torchmetrics gives it one of its own."""
    p = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.0, 1.0]]
    scores = table_scores(table_of(p, [0, 1, 0, 1], ("calm", "angry")), ("calm", "angry"))
    assert scores["ece"] == pytest.approx((abs(1.8 - 1) + abs(0.6 - 0) + 0) / 4)
    together = table_of([[0.05, 0.95], [0.0, 1.0]], [1, 0], ("calm", "angry"))
    assert table_scores(together, ("calm", "angry"))["ece"] == pytest.approx((1.95 - 1) / 2)


def test_soft_labels_are_scored_against_the_votes(random_table):
    labels = LABELS[:5]
    table = random_table(labels, 60, 1, soft=True)
    p, q = (table.select(f"{letter}_{label}" for label in labels).to_numpy().astype(np.float64) for letter in "pq")
    scores = table_scores(table, labels)
    divergence = scipy.spatial.distance.jensenshannon(p, q, base=2, axis=1) ** 2
    assert scores["js_divergence"] == pytest.approx(divergence.mean(), abs=1e-6)
    assert scores["cross_entropy"] == pytest.approx(-(q * np.log(p)).sum(axis=1).mean(), abs=1e-12)


def test_soft_labels_by_hand(table_of):
    """Half the listeners say calm; nobody says what has probability 0, and 0 log 0 is 0."""
    labels = ("calm", "angry", "sad")
    votes = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32)
    scores = table_scores(table_of([[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]], [0, 2], labels, votes), labels)
    eps = np.finfo(np.float64).eps
    assert scores["cross_entropy"] == pytest.approx((-0.5 * math.log(0.25 * 0.75) - math.log(eps)) / 2)
    first = 0.5 * (0.25 * math.log2(0.25 / 0.375) + 0.75 * math.log2(0.75 / 0.625))
    first += 0.5 * (0.5 * math.log2(0.5 / 0.375) + 0.5 * math.log2(0.5 / 0.625))
    assert scores["js_divergence"] == pytest.approx((first + 1) / 2)  # what has nothing in common: 1 bit


def test_hard_labels_have_no_score_against_votes(random_table):
    scores = table_scores(random_table(LABELS[:3], 20, 1), LABELS[:3])
    assert (scores["cross_entropy"], scores["js_divergence"]) == (None, None)


def test_the_field_s_names_are_aliases(random_table):
    scores = table_scores(random_table(LABELS[:4], 50, 1), LABELS[:4])
    assert scores["weighted_accuracy"] == scores["accuracy"]
    assert scores["unweighted_accuracy"] == scores["balanced_accuracy"]
    assert set(ALIASES) == {"weighted_accuracy", "unweighted_accuracy"}


def test_all_scores_are_named_and_within_their_ranges(random_table):
    assert {*RANGES, *SMALL_IS_GOOD} <= set(NAMES)
    for seed in range(5):
        scores = all_scores(table_sums(random_table(LABELS[:3], 30, 1, seed=seed, soft=True), LABELS[:3]))
        assert list(scores) == list(NAMES)
        for name, value in scores.items():
            low, high = RANGES.get(name, (0.0, 1.0))
            assert low <= value <= high, name


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16))
def test_the_order_of_the_rows_changes_nothing(random_table, seed):
    table = random_table(LABELS[:4], 40, 3, seed=seed, decimals=1, soft=True)
    scores, shuffled = (
        table_scores(rows, LABELS[:4]) for rows in (table, table.sample(fraction=1.0, shuffle=True, seed=seed))
    )
    assert shuffled["per_class"] == scores["per_class"]
    assert shuffled["confusion"] == scores["confusion"]
    for name in NAMES:
        assert shuffled[name] == pytest.approx(scores[name], abs=1e-12)
