"""The scores of a predictions table, from its sums alone: pure functions, the same for one table and for thousands of
resamples of it.

What is undefined is NaN here, and None in a file: the recall and AUROC of a class without clips. Averages run over the
classes where a value is defined, as scikit-learn's balanced_accuracy_score (classes in the truth) and f1_score (classes
in the truth or the predictions) do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict, cast

import numpy as np
import polars as pl
from jaxtyping import Float

from ser_lightning.evaluation.tallies import Sums, table_sums

Array = Float[np.ndarray, "*group"]


class ClassScores(TypedDict):
    """The scores of one class against all others."""

    precision: float
    recall: float | None
    f1: float | None
    auroc: float | None
    support: int


class TableScores(TypedDict):
    """The scores of a part as in metrics.json; `confusion` counts clips, rows are the truth."""

    clips: int
    accuracy: float
    balanced_accuracy: float
    weighted_accuracy: float
    unweighted_accuracy: float
    macro_f1: float
    weighted_f1: float
    auroc: float | None
    kappa: float | None
    top2_accuracy: float
    log_loss: float
    brier: float
    ece: float
    cross_entropy: float | None
    js_divergence: float | None
    confusion: list[list[int]]
    per_class: dict[str, ClassScores]


NAMES = {
    "balanced_accuracy": "balanced accuracy (UAR)",
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "auroc": "AUROC (one vs rest)",
    "kappa": "Cohen's kappa",
    "top2_accuracy": "top-2 accuracy",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error (ECE)",
    "cross_entropy": "cross-entropy to the votes",
    "js_divergence": "JS divergence to the votes",
}
"""The scores in the order in which they are shown, each once, and what they are called there."""
ALIASES = {"weighted_accuracy": "accuracy", "unweighted_accuracy": "balanced_accuracy"}
"""What the field also calls two of them: WA and UA."""
RANGES = {"kappa": (-1.0, 1.0), "brier": (0.0, 2.0)} | dict.fromkeys(("log_loss", "cross_entropy"), (0.0, math.inf))
"""What values a score can take where it is not 0 to 1."""
SMALL_IS_GOOD = frozenset({"log_loss", "brier", "ece", "cross_entropy", "js_divergence"})


def table_scores(table: pl.DataFrame, labels: Sequence[str]) -> TableScores:
    """The scores of a predictions table (columns label, prediction, p_<label>; with q_<label> of soft labels too)."""
    sums = table_sums(table, labels)
    values = {name: defined(float(value)) for name, value in all_scores(sums).items()}
    values |= {alias: values[name] for alias, name in ALIASES.items()}
    confusion = sums.confusion.astype(np.int64).tolist()
    made = {"clips": len(table), **values, "confusion": confusion, "per_class": class_scores(sums, labels)}
    return cast("TableScores", made)


def all_scores(sums: Sums) -> dict[str, Array]:
    """Every score of `NAMES`, by its name; NaN where it is undefined."""
    count = sums.confusion.sum(axis=(-2, -1))
    return {
        "balanced_accuracy": balanced_accuracy(sums.confusion),
        "accuracy": accuracy(sums.confusion),
        "macro_f1": macro_f1(sums.confusion),
        "weighted_f1": weighted_f1(sums.confusion),
        "auroc": mean_defined(class_auroc(sums)),
        "kappa": kappa(sums.confusion),
        "top2_accuracy": ratio(sums.top2, count),
        "log_loss": ratio(sums.log_loss, count),
        "brier": ratio(sums.brier, count),
        "ece": expected_calibration_error(sums.bins),
        "cross_entropy": ratio(sums.cross_entropy, count),
        "js_divergence": ratio(sums.js_divergence, count),
    }


def class_scores(sums: Sums, labels: Sequence[str]) -> dict[str, ClassScores]:
    """Precision, recall, F1, AUROC and support of each class."""
    recall, f1, auroc = recalls(sums.confusion), f1s(sums.confusion), class_auroc(sums)
    hits, predicted = _diagonal(sums.confusion), sums.confusion.sum(axis=-2)
    return {
        label: ClassScores(
            precision=float(hits[index] / max(predicted[index], 1.0)),
            recall=defined(float(recall[index])),
            f1=defined(float(f1[index])),
            auroc=defined(float(auroc[index])),
            support=int(sums.confusion[index].sum()),
        )
        for index, label in enumerate(labels)
    }


def accuracy(confusion: Float[np.ndarray, "*group class class"]) -> Array:
    """The share of right clips; the field's weighted accuracy (WA).

    >>> float(accuracy(np.array([[3.0, 1.0], [1.0, 1.0]])))
    0.6666666666666666
    """
    return ratio(_diagonal(confusion).sum(axis=-1), confusion.sum(axis=(-2, -1)))


def balanced_accuracy(confusion: Float[np.ndarray, "*group class class"]) -> Array:
    """The mean recall of the classes in the truth; the field's unweighted accuracy (UA) or average recall (UAR).

    >>> float(balanced_accuracy(np.array([[3.0, 1.0], [1.0, 1.0]])))
    0.625
    """
    return mean_defined(recalls(confusion))


def macro_f1(confusion: Float[np.ndarray, "*group class class"]) -> Array:
    """The mean F1 of the classes in the truth or the predictions."""
    return mean_defined(f1s(confusion))


def weighted_f1(confusion: Float[np.ndarray, "*group class class"]) -> Array:
    """The F1 of the classes, weighted by their clips."""
    support = confusion.sum(axis=-1)
    return ratio((np.nan_to_num(f1s(confusion)) * support).sum(axis=-1), support.sum(axis=-1))


def kappa(confusion: Float[np.ndarray, "*group class class"]) -> Array:
    """Cohen's kappa: agreement beyond what the marginals give (Cohen 1960); NaN where these leave no other."""
    total = confusion.sum(axis=(-2, -1))
    by_chance = ratio((confusion.sum(axis=-1) * confusion.sum(axis=-2)).sum(axis=-1), total)
    return ratio(_diagonal(confusion).sum(axis=-1) - by_chance, total - by_chance)


def expected_calibration_error(bins: Float[np.ndarray, "*group bin 3"]) -> Array:
    """The mean distance of confidence and accuracy over 15 bins, weighted by clips (Guo et al. 2017).

    A small table has a positive one by chance alone.
    """
    gap = np.abs(bins[..., 1] - bins[..., 2]).sum(axis=-1)
    return ratio(gap, bins[..., 0].sum(axis=-1))


def class_auroc(sums: Sums) -> Float[np.ndarray, "*group class"]:
    """The area under each class's one-vs-rest ROC curve; NaN where the truth has no clip of it, or no other."""
    support = sums.confusion.sum(axis=-1)
    return ratio(sums.concordance, support * (support.sum(axis=-1, keepdims=True) - support))


def recalls(confusion: Float[np.ndarray, "*group class class"]) -> Float[np.ndarray, "*group class"]:
    """The recall of each class; NaN where the truth has no clip of it."""
    return ratio(_diagonal(confusion), confusion.sum(axis=-1))


def f1s(confusion: Float[np.ndarray, "*group class class"]) -> Float[np.ndarray, "*group class"]:
    """The F1 of each class; NaN where it is neither in the truth nor in the predictions."""
    return ratio(2 * _diagonal(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def ratio(above: Array, below: Array) -> Array:
    """Their ratio, NaN where `below` is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


def mean_defined(values: Float[np.ndarray, "*group class"]) -> Array:
    """The mean of the values that are not NaN; NaN where there are none."""
    there = ~np.isnan(values)
    return ratio(np.where(there, values, 0.0).sum(axis=-1), there.sum(axis=-1))


def defined(value: float) -> float | None:
    """The value as a file can hold it: JSON knows no NaN.

    >>> defined(0.5), defined(float("nan"))
    (0.5, None)
    """
    return None if math.isnan(value) else value


def _diagonal(confusion: Float[np.ndarray, "*group class class"]) -> Float[np.ndarray, "*group class"]:
    return np.diagonal(confusion, axis1=-2, axis2=-1)
