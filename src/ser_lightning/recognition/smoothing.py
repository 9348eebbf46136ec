"""Probabilities that do not jump from window to window: an exponential mean of what was heard so far.

Only the past is used, so that a stream and a file give the same.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Float64

from ser_lightning.errors import UserError


class Smoothing:
    """Rows of probabilities, `hop_seconds` apart; after a change, 63 % of it is taken up within `smooth_seconds`.

    >>> smoothing = Smoothing(hop_seconds=1.0, smooth_seconds=1 / math.log(2))
    >>> smoothing(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])).round(2).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]]
    """

    def __init__(self, *, hop_seconds: float, smooth_seconds: float) -> None:
        if not 0 <= smooth_seconds < math.inf:
            raise UserError(f"smooth_seconds={smooth_seconds} must be 0 or more")
        self.taken = 1.0 if smooth_seconds == 0 else 1.0 - math.exp(-hop_seconds / smooth_seconds)
        self.last: Float64[np.ndarray, " class"] | None = None

    def __call__(self, rows: Float[np.ndarray, "window class"]) -> Float64[np.ndarray, "window class"]:
        """The next rows, smoothed."""
        smooth = np.empty(rows.shape, np.float64)
        for number, row in enumerate(rows):
            self.last = row if self.last is None else self.last + self.taken * (row - self.last)
            smooth[number] = self.last
        return smooth
