"""Which clips the report plays, and what it needs to show of each.

A page of numbers hides what a model hears. The mistakes whose true label had the least probability are those that cost
most; the most confident ones show label noise and confusable pairs; the most confident right answers, one a class,
show what the model takes for typical.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from jaxtyping import Float32, Int16

Kind = Literal["worst", "confident", "right"]
"""Why a clip is shown: least probability of the true label, most of the wrong prediction, or a right answer."""


@dataclass(frozen=True, eq=False)
class Example:
    """One clip as it is shown: `probability` is the prediction's, `label_probability` the true label's.

    `log_mel` is in dB. `evidence`, from 0 to 1, is what the model looked at for its prediction; where there is none,
    `no_evidence` says why. `evidence_note` says how it was made.
    """

    clip: str
    label: str
    prediction: str
    probability: float
    wave: Int16[np.ndarray, " time"]
    sample_rate: int
    log_mel: Float32[np.ndarray, "mel frame"]
    label_probability: float | None = None
    kinds: tuple[Kind, ...] = ()
    evidence: Float32[np.ndarray, "mel frame"] | None = None
    evidence_note: str = ""
    no_evidence: str = ""

    @property
    def right(self) -> bool:
        """Whether the prediction is the label."""
        return self.label == self.prediction

    @property
    def seconds(self) -> float:
        """How long the clip is."""
        return self.wave.size / self.sample_rate


def choose_examples(predictions: pl.DataFrame, *, most: int = 4) -> dict[str, tuple[Kind, ...]]:
    """Clip ids and why each is shown: up to `most` of each kind, right answers of different classes.

    The worst mistakes come first, then the confident ones, then the right answers; a clip that is of two kinds comes
    once, with both. What is equal goes by clip id, whatever the order of the rows.

    >>> truth = {"clip": ["a", "b", "c"], "label": ["sad", "sad", "sad"]}
    >>> guess = {"prediction": ["sad", "sad", "happy"], "p_happy": [0.4, 0.1, 0.8], "p_sad": [0.6, 0.9, 0.2]}
    >>> choose_examples(pl.DataFrame(truth | guess))
    {'c': ('worst', 'confident'), 'b': ('right',)}
    """
    table = predictions.select(
        "clip",
        "label",
        right=pl.col("label") == pl.col("prediction"),
        confidence=probability_of(predictions, "prediction"),
        of_label=probability_of(predictions, "label"),
    )
    confident = table.sort("confidence", "clip", descending=[True, False])
    wrong = confident.filter(~pl.col("right"))
    worst = wrong.sort("of_label", "clip").head(most)
    right = confident.filter("right").unique("label", keep="first", maintain_order=True).head(most)
    return _by_clip(("worst", worst["clip"]), ("confident", wrong["clip"].head(most)), ("right", right["clip"]))


def probability_of(predictions: pl.DataFrame, column: str) -> pl.Expr:
    """The probability of the class that a column names: `p_<its value>` of each row."""
    labels = [name.removeprefix("p_") for name in predictions.columns if name.startswith("p_")]
    return pl.coalesce(pl.when(pl.col(column) == label).then(pl.col(f"p_{label}")) for label in labels)


def _by_clip(*lists: tuple[Kind, Iterable[str]]) -> dict[str, tuple[Kind, ...]]:
    kinds: dict[str, tuple[Kind, ...]] = {}
    for kind, clips in lists:
        for clip in clips:
            kinds[clip] = (*kinds.get(clip, ()), kind)
    return kinds
