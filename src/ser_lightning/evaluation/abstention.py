"""What a model gains by leaving the clips unanswered that it is not sure of: the risk-coverage curve and its area.

A clip's confidence is its largest probability, calibrated as the table is; it is answered where that is at least a
threshold. Coverage is the share of the clips that are answered, risk the share of those that are wrong (Geifman &
El-Yaniv 2017). Clips of equal confidence are answered together or not at all, so the curve has a point for each
distinct confidence, and nothing between two of them can be had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Float32, Int64

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Those that are told of in metrics.json and the report."""


class RiskCoverage(NamedTuple):
    """A point for each distinct confidence, the highest first: how many clips have at least it, and how many of those
    are wrong.
    """

    confidence: Float32[np.ndarray, " point"]
    answered: Int64[np.ndarray, " point"]
    wrong: Int64[np.ndarray, " point"]

    @property
    def coverage(self) -> Float[np.ndarray, " point"]:
        """The share of clips that are answered, rising to 1."""
        shares: Float[np.ndarray, " point"] = self.answered / self.answered[-1]
        return shares

    @property
    def risk(self) -> Float[np.ndarray, " point"]:
        """The share of the answered clips that are wrong."""
        shares: Float[np.ndarray, " point"] = self.wrong / self.answered
        return shares

    @property
    def area(self) -> float:
        """The area under the curve (AURC): the mean of the risk of the k most confident clips over k = 1 ... n.

        Where k cuts through clips of equal confidence, the risk is that expected over all their orders, in which the
        wrong ones rise by one share a clip. Confidence that says nothing gives the risk of answering all.
        """
        most = np.arange(1, self.answered[-1] + 1)
        wrong = np.interp(most, np.append(0, self.answered), np.append(0, self.wrong))
        return float(np.mean(wrong / most))

    @property
    def excess_area(self) -> float:
        """The area beyond the least possible one of so many mistakes (E-AURC), where all right clips come first
        (Geifman, Uziel & El-Yaniv 2019).
        """
        most, right = np.arange(1, self.answered[-1] + 1), self.answered[-1] - self.wrong[-1]
        return self.area - float(np.mean(np.clip(most - right, 0, None) / most))


class Answered(TypedDict):
    """What a threshold leaves: the share and the number of clips with at least that confidence, and how many of them
    are wrong, as a share; that is None where no clip is answered.
    """

    threshold: float
    coverage: float
    risk: float | None
    answered: int


class Abstention(TypedDict):
    """A part's risk-coverage curve as in metrics.json; `risk` is that of answering every clip."""

    risk: float
    aurc: float
    excess_aurc: float
    thresholds: list[Answered]


def risk_coverage(confidence: Float[np.ndarray, " clip"], right: Bool[np.ndarray, " clip"]) -> RiskCoverage:
    """The curve of one clip or more. Confidence is taken as float32, which a probability in a file is.

    >>> curve = risk_coverage(np.array([0.9, 0.6, 0.6, 0.5]), np.array([True, False, True, False]))
    >>> curve.coverage.tolist(), curve.risk.round(3).tolist()
    ([0.25, 0.75, 1.0], [0.0, 0.333, 0.5])
    >>> round(curve.area, 6) == round((0 / 1 + 0.5 / 2 + 1 / 3 + 2 / 4) / 4, 6)
    True
    """
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order].astype(np.float32)
    last_of_tie = np.append(np.flatnonzero(np.diff(sorted_confidence)), len(order) - 1)
    wrong = np.cumsum(~right[order])[last_of_tie]
    return RiskCoverage(sorted_confidence[last_of_tie], last_of_tie + 1, wrong)


def answered_at(curve: RiskCoverage, threshold: float) -> Answered:
    """What is answered where the confidence must be at least `threshold` (as float32: 0.9 reaches 0.9).

    >>> curve = risk_coverage(np.array([0.9, 0.6, 0.6, 0.5]), np.array([True, False, True, False]))
    >>> answered_at(curve, 0.9)
    {'threshold': 0.9, 'coverage': 0.25, 'risk': 0.0, 'answered': 1}
    >>> answered_at(curve, 0.95)
    {'threshold': 0.95, 'coverage': 0.0, 'risk': None, 'answered': 0}
    """
    points = int(np.count_nonzero(curve.confidence >= np.float32(threshold)))
    if points == 0:
        return Answered(threshold=threshold, coverage=0.0, risk=None, answered=0)
    last = points - 1
    return Answered(
        threshold=threshold,
        coverage=float(curve.coverage[last]),
        risk=float(curve.risk[last]),
        answered=int(curve.answered[last]),
    )


def table_risk_coverage(table: pl.DataFrame, labels: Sequence[str]) -> RiskCoverage:
    """The curve of a predictions table (columns label, prediction, p_<label>); soft labels count by their label."""
    confidence = table.select(pl.max_horizontal(f"p_{label}" for label in labels)).to_series().to_numpy()
    return risk_coverage(confidence, (table["label"] == table["prediction"]).to_numpy())


def table_abstention(table: pl.DataFrame, labels: Sequence[str]) -> Abstention:
    """The risk and the area of a predictions table's curve, and what each of `THRESHOLDS` leaves."""
    curve = table_risk_coverage(table, labels)
    return Abstention(
        risk=float(curve.risk[-1]),
        aurc=curve.area,
        excess_aurc=curve.excess_area,
        thresholds=[answered_at(curve, threshold) for threshold in THRESHOLDS],
    )
