"""How often a model is right when it is so sure: the bins of the reliability diagram (Guo et al. 2017).

They are those of the calibration error, so that the diagram shows what the number beside it was summed from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from ser_lightning.evaluation.tallies import NUM_BINS, table_sums


class Bin(NamedTuple):
    """Clips whose confidence is above `low` and up to `high`: how many, how sure, and how often right.

    `confidence` and `accuracy` are means over the clips.
    """

    low: float
    high: float
    clips: int
    confidence: float
    accuracy: float


def reliability(predictions: pl.DataFrame, labels: Sequence[str]) -> list[Bin]:
    """The bins that have clips, from the least confident up (columns label, prediction and p_<label>).

    >>> sure = {"label": ["a", "b"], "prediction": ["a", "a"], "p_a": [0.9, 0.9], "p_b": [0.1, 0.1]}
    >>> [(one.clips, one.confidence, one.accuracy) for one in reliability(pl.DataFrame(sure), ["a", "b"])]
    [(2, 0.9, 0.5)]
    """
    bins = table_sums(predictions, labels).bins
    return [
        Bin(index / NUM_BINS, (index + 1) / NUM_BINS, int(clips), float(sure / clips), float(right / clips))
        for index, (clips, sure, right) in enumerate(bins.tolist())
        if clips
    ]
