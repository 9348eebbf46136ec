"""While training, scores are of whole parts, and are those of the predictions table."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import sklearn.metrics
import torch

from ser_lightning.metrics import balanced_accuracy, computed_scores, emotion_metrics

NAMES = ("angry", "happy", "sad")


def table(truth: list[int], *, seed: int = 0):
    """Probabilities [clip class] that know something of the truth."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(len(truth), 3)) + np.eye(3)[truth]
    return torch.from_numpy(logits).softmax(1).float(), torch.tensor(truth)


def scores_of(*batches):
    metrics = emotion_metrics(3)
    for probabilities, label in batches:
        metrics.update(probabilities, label)
    return computed_scores(metrics, NAMES)


def test_scores_are_scikit_learns():
    truth = [0] * 30 + [1] * 5 + [2] * 2
    probabilities, label = table(truth)
    found, guess = scores_of((probabilities, label)), probabilities.argmax(1)
    assert found["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(label, guess), abs=1e-12)
    assert found["balanced_accuracy"] == pytest.approx(sklearn.metrics.balanced_accuracy_score(label, guess), abs=1e-12)
    assert found["macro_f1"] == pytest.approx(sklearn.metrics.f1_score(label, guess, average="macro"), abs=1e-12)
    auroc = sklearn.metrics.roc_auc_score(label, probabilities, multi_class="ovr", average="macro")
    assert found["auroc"] == pytest.approx(auroc, abs=1e-6)
    recall = sklearn.metrics.recall_score(label, guess, average=None)
    assert list(found["recall"].values()) == pytest.approx(recall.tolist(), abs=1e-12)


def test_a_class_without_clips_counts_nowhere():
    found = scores_of((torch.tensor([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0]]), torch.tensor([0, 1, 1])))
    assert math.isnan(found["recall"]["sad"])
    assert found["balanced_accuracy"] == pytest.approx(0.75)
    assert found["auroc"] == pytest.approx(1.0)


def test_batches_are_never_averaged():
    probabilities, label = table([0] * 30 + [1] * 5 + [2] * 2)
    whole = scores_of((probabilities, label))
    for size in (1, 4, 36):
        assert scores_of(*zip(probabilities.split(size), label.split(size), strict=True)) == whole


def test_a_reset_forgets():
    metrics = emotion_metrics(3)
    metrics.update(*table([0, 1, 2, 0]))
    metrics.reset()
    metrics.update(*table([2, 1, 1, 0], seed=5))
    assert computed_scores(metrics, NAMES) == scores_of(table([2, 1, 1, 0], seed=5))


@pytest.mark.parametrize("confusion", [[[2, 0, 1], [0, 2, 0], [0, 0, 0]], [[0, 0, 3], [0, 0, 0], [0, 0, 0]]])
def test_balanced_accuracy_on_the_device_is_that_of_the_scores(confusion):
    from ser_lightning.evaluation.scores import balanced_accuracy as reference

    on_device = balanced_accuracy(torch.tensor(confusion, dtype=torch.float32))
    assert on_device.item() == pytest.approx(float(reference(np.array(confusion, dtype=float))), abs=1e-6)


def test_balanced_accuracy_of_nothing_is_zero():
    assert balanced_accuracy(torch.zeros(3, 3)).item() == 0.0


def test_scores_are_those_of_the_predictions_table():
    from ser_lightning.evaluation.predictions import predictions_table
    from ser_lightning.evaluation.scores import table_scores

    probabilities, label = table([0] * 20 + [1] * 12 + [2] * 2, seed=4)
    probabilities = (probabilities * 8).round() / 8  # with ties
    about = {name: [""] * 34 for name in ("clip", "corpus", "speaker", "sex", "text", "intensity")}
    clips = pl.DataFrame({**about, "seconds": [1.0] * 34, "label": [NAMES[index] for index in label]})
    expected = table_scores(predictions_table(clips, probabilities.numpy(), NAMES), NAMES)
    found = scores_of((probabilities, label))
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc"):
        assert found[name] == pytest.approx(expected[name], abs=1e-6)
    assert found["recall"] == pytest.approx({name: row["recall"] for name, row in expected["per_class"].items()})


def test_of_one_class_alone_there_is_no_auroc():
    found = scores_of(table([1, 1, 1]))
    assert math.isnan(found["auroc"])
    assert [math.isnan(value) for value in found["recall"].values()] == [True, False, True]
    assert found["balanced_accuracy"] == found["accuracy"] == found["recall"]["happy"]
