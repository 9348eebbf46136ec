"""What the recognizer answers: an emotion, how probable each is, when, and what of the recording speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

UNSURE = "unsure"
"""The answer where no emotion is as probable as the threshold asks."""


@dataclass(frozen=True)
class Window:
    """A stretch of the recording, in seconds, and the calibrated probabilities within it."""

    start: float
    end: float
    probabilities: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable emotion."""
        return most_probable(self.probabilities)


@dataclass(frozen=True)
class Answer:
    """The emotion of a recording, or "unsure"; calibrated probabilities in the order of the model's labels.

    `timeline` has the windows that the probabilities are the mean of, `seconds` is how long the recording lasts.
    `warnings` say what of the recording makes an answer doubtful.
    """

    label: str
    probabilities: dict[str, float]
    timeline: tuple[Window, ...]
    seconds: float
    warnings: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        """The largest probability."""
        return max(self.probabilities.values())


def most_probable(probabilities: dict[str, float], threshold: float | None = None) -> str:
    """The most probable emotion, the first of equals; "unsure" where it is less probable than `threshold`.

    >>> most_probable({"angry": 0.55, "sad": 0.45}), most_probable({"angry": 0.55, "sad": 0.45}, 0.6)
    ('angry', 'unsure')
    """
    label = max(probabilities, key=probabilities.__getitem__)
    # In float32, as stored predictions are: what is written as 0.9 reaches a threshold of 0.9.
    unsure = threshold is not None and np.float32(probabilities[label]) < np.float32(threshold)
    return UNSURE if unsure else label


def named(labels: Sequence[str], probabilities: Float[np.ndarray, " class"]) -> dict[str, float]:
    """Probabilities by their labels."""
    return dict(zip(labels, probabilities.tolist(), strict=True))
