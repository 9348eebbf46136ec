"""Which clips are worth a look: pairs whose fingerprints' inner product is above 0.6, in almost linear time.

Up to 16,384 clips all are multiplied with all, and no pair is missed. Of more clips only those in one cell are, and
the cells are drawn anew some tens of times: each such division is a table. Of d axes of a random rotation and d others
a clip's cell is the nearest of either, with its sign: cross-polytope hashing (Terasawa & Tanaka, 2007; Andoni et al.,
2015). Of a million clips it keeps a pair at 0.7 together twice as often as signs of random hyperplanes would do in
cells of that size. Work per clip grows as the number of tables: 24 of them at 16,385 clips, 70 at a million.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl
from jaxtyping import Float32, Int64

ALIKE = 0.6
"""Least inner product of two fingerprints that is worth a look: copies give 0.99, other clips 0.55 at most."""
MOST_ALIKE = 16
"""Of the clips after it, only so many of the most alike are tried with a clip."""
EXACT = 2**14
"""Clips up to which all are multiplied with all: that misses nothing, and takes a second."""
FAINT, RECALL = 0.7, 0.99
"""Of the pairs at this inner product so many are found: the number of tables follows from it.

Of the copies of 214 real clips in level, padding, polarity, rate, cut and MP3 the least alike have 0.97; at -30 dB one
has 0.704, all others 0.87 or more. It follows that of pairs at 0.6 over 0.9 are found, of those at 0.8 over 0.999, and
of those at 0.9 all but 3 in a million."""
CELL = 256
"""Most clips of a cell on average: with more, multiplying takes longer; with fewer, more tables are needed."""
LARGEST = 2 * CELL
"""A larger cell is cut into overlapping pieces of so many: in it a clip meets the next 256 at least."""
BLOCK = 2**22
"""Inner products that are held at a time: 16 MB."""
SEED = 0
DRAWN = 2**15
"""Pairs that the number of tables is estimated with: `agreement` is then right to 1 %."""
FOUND = pl.Schema({"a": pl.Int64, "b": pl.Int64, "alike": pl.Float32})

Prints = Float32[np.ndarray, "clip feature"]
Rows = Int64[np.ndarray, " row"]
Pairs = Int64[np.ndarray, "pair 2"]


def candidates(prints: Prints) -> Pairs:
    """Pairs of rows, the smaller first and in order, whose inner product is above 0.6; of each row the best 16.

    These are the 16 most alike of the rows after it that it met in a table, so that of thousands of copies of a
    recording, which cannot all meet, each still is paired with a later one. Rows of zeros are alike to nothing.
    """
    found = pl.DataFrame(schema=FOUND)
    for groups in tables(prints):
        met = (alike_pairs(prints, rows) for rows in groups)
        a, b, alike = (np.concatenate(part) for part in zip(*met, strict=True))
        found = best(pl.concat([found, pl.DataFrame({"a": a, "b": b, "alike": alike}, schema=FOUND)]))
    return found.select("a", "b").to_numpy()


def tables(prints: Prints) -> Iterator[Iterator[Rows]]:
    """Of each table the groups of rows that are multiplied with each other, ascending within a group."""
    rows = np.flatnonzero(prints.any(axis=1))
    if len(rows) <= EXACT:
        yield iter([rows])
        return
    num_axes = min(axes_for(len(rows)), prints.shape[1] // 2)
    for table in range(tables_for(num_axes)):
        gaussian = np.random.default_rng([SEED, table]).standard_normal((prints.shape[1], 2 * num_axes))
        cell = cells(prints, np.linalg.qr(gaussian)[0].astype(np.float32))[rows]
        order = np.argsort(cell, kind="stable")
        starts = np.flatnonzero(np.diff(cell[order])) + 1
        yield (piece for group in np.split(rows[order], starts) for piece in pieces(group))


def axes_for(num: int) -> int:
    """Axes d of each rotation, so that the (2 d)^2 cells of `num` clips hold 256 of them on average, at most.

    >>> [axes_for(num) for num in (16_384, 100_000, 1_000_000)]
    [4, 10, 32]
    """
    return max(1, math.ceil(math.sqrt(num / CELL) / 2))


def tables_for(num_axes: int) -> int:
    """Tables L that find 99 % of the pairs at 0.7: 1 - (1 - p^2)^L >= 0.99, p the `agreement` of each rotation.

    >>> [tables_for(axes_for(num)) for num in (16_384, 100_000, 1_000_000)]
    [21, 37, 70]
    """
    return math.ceil(math.log(1 - RECALL) / math.log(1 - agreement(num_axes, FAINT) ** 2))


def agreement(num_axes: int, alike: float) -> float:
    """Share of the pairs of unit vectors at an inner product that have the same nearest of 2 num_axes signed axes.

    Coordinates of random unit vectors along a few axes are normal, and of a pair correlated by the inner product.

    >>> abs(agreement(1, 0.7) - (1 - math.acos(0.7) / math.pi)) < 0.01
    True
    """
    one, other = np.random.default_rng(SEED).standard_normal((2, DRAWN, num_axes), dtype=np.float32)
    other = alike * one + math.sqrt(1 - alike**2) * other
    return float(np.mean(nearest_axis(one) == nearest_axis(other)))


def cells(prints: Prints, axes: Float32[np.ndarray, "feature axis"]) -> Int64[np.ndarray, " clip"]:
    """The number of each clip's cell: its nearest signed axis of the first half, and of the second."""
    num = axes.shape[1] // 2
    cell = np.empty(len(prints), np.int64)
    for first in range(0, len(prints), BLOCK // axes.shape[1]):
        block = slice(first, first + BLOCK // axes.shape[1])
        along = prints[block] @ axes
        cell[block] = 2 * num * nearest_axis(along[:, :num]) + nearest_axis(along[:, num:])
    return cell


def nearest_axis(along: Float32[np.ndarray, "clip axis"]) -> Int64[np.ndarray, " clip"]:
    """The axis of the largest coordinate by magnitude, a for +a and axis + a for -a.

    >>> nearest_axis(np.array([[0.1, 0.7, -0.3], [0.2, 0.1, -0.3]]))
    array([1, 5])
    """
    axis = np.abs(along).argmax(axis=1)
    negative = np.take_along_axis(along, axis[:, None], axis=1)[:, 0] < 0
    number: Int64[np.ndarray, " clip"] = axis + along.shape[1] * negative
    return number


def pieces(rows: Rows) -> Iterator[Rows]:
    """The rows, or overlapping pieces of 512 in which all meet that are at most 256 apart."""
    half = LARGEST // 2
    return (rows[first : first + LARGEST] for first in range(0, max(1, len(rows) - half), half))


def alike_pairs(prints: Prints, rows: Rows) -> tuple[Rows, Rows, Float32[np.ndarray, " pair"]]:
    """Pairs a < b of these rows whose inner product is above 0.6, and the product; of each row the best 16."""
    vectors, step = prints[rows], max(1, BLOCK // max(1, len(rows)))
    found = [(rows[:0], rows[:0], np.empty(0, np.float32))]
    for first in range(0, len(rows), step):
        alike = vectors[first : first + step] @ vectors[first:].T
        for row in np.flatnonzero(np.count_nonzero(alike > ALIKE, axis=1) > MOST_ALIKE):
            alike[row, : row + 1] = 0.0
            alike[row, np.argpartition(alike[row], -MOST_ALIKE)[:-MOST_ALIKE]] = 0.0
        one, other = np.divmod(np.flatnonzero(alike > ALIKE), alike.shape[1])
        one, other = one[one < other], other[one < other]
        found.append((rows[first + one], rows[first + other], alike[one, other]))
    a, b, alike = (np.concatenate(part) for part in zip(*found, strict=True))
    return a, b, alike


def best(found: pl.DataFrame) -> pl.DataFrame:
    """Each pair once and in order; of each `a` the 16 most alike.

    >>> several = pl.DataFrame({"a": [3, 0, 3], "b": [5, 9, 5], "alike": [0.9, 0.7, 0.9]})
    >>> best(several).rows()
    [(0, 9, 0.7), (3, 5, 0.9)]
    """
    once = found.unique(["a", "b"], keep="first", maintain_order=True)
    nearest_first = once.sort("a", "alike", descending=[False, True], maintain_order=True)
    return nearest_first.group_by("a", maintain_order=True).head(MOST_ALIKE).sort("a", "b")
