"""Temperature scaling (Guo et al. 2017): one number, fitted on validation, that makes a probability mean what it says.

It is applied to a clip's probabilities, after the mean over its windows: p_c -> p_c^(1/T) / sum_k p_k^(1/T). For a clip
of one window that is softmax(logits / T); for one of many it still keeps the order of the classes, which a temperature
within the mean would not. T > 1 takes confidence away. What was there before is what 1/T gives back, but for what T < 1
makes too small for float32: at T = 0.2 a probability under 1e-9 comes back as 1e-9. Where T was fitted on the table,
the log loss came back to 1e-6; at worst, under 0.2 with a true class at 5e-11, it was 0.0015 of 3.27 low (simulated).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import polars as pl
from jaxtyping import Float
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ser_lightning.evaluation.intervals import Range, table_intervals
from ser_lightning.evaluation.scores import all_scores, defined
from ser_lightning.evaluation.tallies import table_sums

LOWEST, HIGHEST = 0.2, 20.0
"""What a temperature may be. Of a part without mistakes the lower the better, and without end; 0.2 lets a mistake on
another part cost 5 times what it did."""
LEAST = float(np.finfo(np.float32).smallest_subnormal)
"""A probability counts as no less: float32 has none under it, and 0 has no logarithm."""
SCORES = ("ece", "log_loss", "brier")
"""The scores that are of calibration."""


class Uncalibrated(TypedDict):
    """The scores of one part without the temperature, and their intervals."""

    scores: dict[str, float | None]
    intervals: dict[str, Range]


class Calibration(TypedDict):
    """The temperature as in metrics.json, the part it was fitted on (if any), and the scores of each part before it."""

    temperature: float
    fitted_on: str | None
    before: dict[str, Uncalibrated]


def calibrated(
    probabilities: Float[npt.NDArray[np.floating], "clip class"], temperature: float
) -> Float[np.ndarray, "clip class"]:
    """The probabilities under a temperature, in float64; the order of a clip's classes stays.

    >>> calibrated(np.array([[0.8, 0.2]]), 0.5).round(3).tolist()
    [[0.941, 0.059]]
    """
    if temperature == 1.0:
        return probabilities.astype(np.float64)
    scaled: Float[np.ndarray, "clip class"] = softmax(_logs(probabilities) / temperature, axis=1)
    return scaled


def fit_temperature(
    probabilities: Float[npt.NDArray[np.floating], "clip class"], target: Float[npt.NDArray[np.floating], "clip class"]
) -> float:
    """The temperature under which the targets' cross-entropy is least; `target` is one-hot, or the shares of votes.

    It has one minimum, as it is convex in 1/T. 1 where none is better, as where every clip is right by a
    probability of 1.
    """
    logs, shares = _logs(probabilities), np.asarray(target, dtype=np.float64)

    def loss(log_temperature: float) -> float:
        return -float((shares * log_softmax(logs / np.exp(log_temperature), axis=1)).sum(axis=1).mean())

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x)) if found.fun < loss(0.0) else 1.0


def without_temperature(table: pl.DataFrame, labels: Sequence[str], temperature: float) -> pl.DataFrame:
    """The predictions table as it was before the temperature."""
    names = [f"p_{label}" for label in labels]
    p = calibrated(table.select(names).to_numpy(), 1 / temperature)
    return table.with_columns(pl.Series(name, p[:, index]) for index, name in enumerate(names))


def uncalibrated_scores(table: pl.DataFrame, labels: Sequence[str], temperature: float) -> Uncalibrated:
    """The calibration scores of a table as it was before its temperature."""
    before = without_temperature(table, labels, temperature)
    scores, around = all_scores(table_sums(before, labels)), table_intervals(before, labels)["scores"]
    return Uncalibrated(
        scores={name: defined(float(scores[name])) for name in SCORES},
        intervals={name: around[name] for name in SCORES if name in around},
    )


def _logs(probabilities: Float[npt.NDArray[np.floating], "clip class"]) -> Float[np.ndarray, "clip class"]:
    return np.log(np.clip(probabilities.astype(np.float64), LEAST, None))
