"""From windows that overlap to segments that do not: stretches of one emotion, from when to when.

Where windows overlap, each moment has the mean of the probabilities of all windows that it lies in. That smooths over
what was and what is to come, which a recording allows and a stream does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from ser_lightning.recognition.answer import Window, most_probable, named


@dataclass(frozen=True)
class Segment:
    """A stretch in seconds, its emotion or "unsure", and the mean over it of that emotion's probability.

    Where it is unsure, the probability is that of the likeliest emotion.
    """

    start: float
    end: float
    label: str
    probability: float


def segments(windows: Sequence[Window], *, threshold: float | None = None) -> list[Segment]:
    """The segments of a recording by its windows, in their order.

    >>> calm, loud = {"sad": 0.8, "angry": 0.2}, {"sad": 0.1, "angry": 0.9}
    >>> for segment in segments([Window(0, 2, calm), Window(1, 3, calm), Window(2, 4, loud)]):
    ...     print(segment.start, segment.end, segment.label, round(segment.probability, 3))
    0 2 sad 0.8
    2 4 angry 0.725
    """
    cells = list(_cells(windows))
    found = []
    for label, run in groupby(cells, key=lambda cell: most_probable(cell.probabilities, threshold)):
        stretch = list(run)
        weights = [cell.end - cell.start for cell in stretch]
        values = [cell.probabilities.get(label, max(cell.probabilities.values())) for cell in stretch]
        found.append(Segment(stretch[0].start, stretch[-1].end, label, float(np.average(values, weights=weights))))
    return found


def _cells(windows: Sequence[Window]) -> Sequence[Window]:
    """The stretches between any two beginnings or ends of windows, with the mean of the windows that cover each."""
    labels = list(windows[0].probabilities) if windows else []
    edges = sorted({edge for window in windows for edge in (window.start, window.end)})
    rows = np.array([list(window.probabilities.values()) for window in windows])
    starts, ends = (np.array([window[place] for window in map(_span, windows)]) for place in (0, 1))
    cells = []
    for start, end in pairwise(edges):
        first, last = np.searchsorted(ends, end), np.searchsorted(starts, start, side="right")
        if first < last:
            cells.append(Window(start, end, named(labels, rows[first:last].mean(axis=0))))
    return cells


def _span(window: Window) -> tuple[float, float]:
    return window.start, window.end


def label_line(segment: Segment) -> str:
    r"""A line of an Audacity label file: seconds, tab, seconds, tab, text.

    >>> label_line(Segment(0, 2.5, "sad", 0.8125))
    '0.000000\t2.500000\tsad 81%'
    """
    return f"{segment.start:.6f}\t{segment.end:.6f}\t{segment.label} {segment.probability:.0%}"
