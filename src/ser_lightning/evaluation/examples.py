"""Which clips the report plays, and what it needs to show of each.

A page of numbers hides what a model hears. The most confident mistakes show label noise and confusable pairs;
the most confident right answers, one a class, show what the model takes for typical.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float32, Int16


@dataclass(frozen=True, eq=False)
class Example:
    """One clip as it is shown: `probability` is the prediction's, `log_mel` is in dB."""

    clip: str
    label: str
    prediction: str
    probability: float
    wave: Int16[np.ndarray, " time"]
    sample_rate: int
    log_mel: Float32[np.ndarray, "mel frame"]

    @property
    def right(self) -> bool:
        """Whether the prediction is the label."""
        return self.label == self.prediction

    @property
    def seconds(self) -> float:
        """How long the clip is."""
        return self.wave.size / self.sample_rate


def choose_examples(predictions: pl.DataFrame, *, most: int = 4) -> list[str]:
    """Clip ids: up to `most` mistakes, then up to `most` right answers of different classes.

    Both run from the most confident down; equal confidence goes by clip id, whatever the order of the rows.

    >>> truth = {"clip": ["a", "b", "c"], "label": ["sad", "sad", "sad"]}
    >>> guess = {"prediction": ["sad", "sad", "happy"], "p_happy": [0.4, 0.1, 0.8], "p_sad": [0.6, 0.9, 0.2]}
    >>> choose_examples(pl.DataFrame(truth | guess))
    ['c', 'b']
    """
    ranked = predictions.select(
        "clip", "label", right=pl.col("label") == pl.col("prediction"), confidence=_confidence(predictions)
    ).sort("confidence", "clip", descending=[True, False])
    wrong = ranked.filter(~pl.col("right")).head(most)
    right = ranked.filter("right").unique("label", keep="first", maintain_order=True).head(most)
    return [*wrong["clip"].to_list(), *right["clip"].to_list()]


def _confidence(predictions: pl.DataFrame) -> pl.Expr:
    """The probability of the predicted class: column `p_<prediction>` of each row."""
    labels = [name.removeprefix("p_") for name in predictions.columns if name.startswith("p_")]
    return pl.coalesce(pl.when(pl.col("prediction") == label).then(pl.col(f"p_{label}")) for label in labels)
