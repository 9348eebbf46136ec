"""The curves of a class against the rest: ROC and precision-recall, from the probabilities alone.

Both are drawn from every distinct score, so that what is under a curve is the number that is printed beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int64


class RocCurve(NamedTuple):
    """One corner per distinct score, from (0, 0) to (1, 1)."""

    false_positive_rate: Float[np.ndarray, " point"]
    true_positive_rate: Float[np.ndarray, " point"]

    @property
    def area(self) -> float:
        """The area under the curve (AUROC), by the trapezoid rule, which counts a tie as half."""
        heights = (self.true_positive_rate[1:] + self.true_positive_rate[:-1]) / 2
        return float(np.sum(np.diff(self.false_positive_rate) * heights))


class PrecisionRecallCurve(NamedTuple):
    """One corner per distinct score, from the lowest threshold (recall 1) to none passed (recall 0, precision 1)."""

    precision: Float[np.ndarray, " point"]
    recall: Float[np.ndarray, " point"]

    @property
    def average_precision(self) -> float:
        """The precision at each threshold, weighted by the recall that it adds; no line is drawn between corners."""
        return float(-np.sum(np.diff(self.recall) * self.precision[:-1]))

    @property
    def prevalence(self) -> float:
        """The share of clips of the class, which is the average precision of a guess."""
        return float(self.precision[0])


def roc_curve(truth: Bool[np.ndarray, " clip"], score: Float[np.ndarray, " clip"]) -> RocCurve | None:
    """True against false positive rate as the threshold falls; None where one kind of clip is absent.

    Clips of equal score pass the threshold together. Agrees with `sklearn.metrics.roc_curve(...,
    drop_intermediate=False)`.

    >>> roc_curve(np.array([True, False]), np.array([0.9, 0.1])).area
    1.0
    """
    if truth.all() or not truth.any():
        return None
    true_positives, false_positives = _passed(truth, score)
    return RocCurve(
        np.append(0, false_positives) / false_positives[-1], np.append(0, true_positives) / true_positives[-1]
    )


def precision_recall_curve(
    truth: Bool[np.ndarray, " clip"], score: Float[np.ndarray, " clip"]
) -> PrecisionRecallCurve | None:
    """Precision against recall as the threshold rises; None where one kind of clip is absent.

    Agrees with `sklearn.metrics.precision_recall_curve`, its average with `average_precision_score`.

    >>> precision_recall_curve(np.array([True, False, True]), np.array([0.9, 0.8, 0.1])).average_precision
    0.8333333333333333
    """
    if truth.all() or not truth.any():
        return None
    true_positives, false_positives = _passed(truth, score)
    precision = true_positives / (true_positives + false_positives)
    recall = true_positives / true_positives[-1]
    return PrecisionRecallCurve(np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0))


def roc_curves(predictions: pl.DataFrame, labels: Sequence[str]) -> dict[str, RocCurve]:
    """One-vs-rest curves from columns `label` and `p_<label>`; a class without a curve is left out."""
    curves = {label: roc_curve(*_one_vs_rest(predictions, label)) for label in labels}
    return {label: curve for label, curve in curves.items() if curve is not None}


def precision_recall_curves(predictions: pl.DataFrame, labels: Sequence[str]) -> dict[str, PrecisionRecallCurve]:
    """As `roc_curves`."""
    curves = {label: precision_recall_curve(*_one_vs_rest(predictions, label)) for label in labels}
    return {label: curve for label, curve in curves.items() if curve is not None}


def _one_vs_rest(predictions: pl.DataFrame, label: str) -> tuple[Bool[np.ndarray, " clip"], Float[np.ndarray, " clip"]]:
    return predictions["label"].to_numpy() == label, predictions[f"p_{label}"].to_numpy()


def _passed(
    truth: Bool[np.ndarray, " clip"], score: Float[np.ndarray, " clip"]
) -> tuple[Int64[np.ndarray, " threshold"], Int64[np.ndarray, " threshold"]]:
    """How many clips of the class and of the rest pass each threshold, from the highest distinct score down."""
    order = np.argsort(-score, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(score[order])), truth.size - 1)
    true_positives = np.cumsum(truth[order])[last_of_tie]
    return true_positives, 1 + last_of_tie - true_positives
