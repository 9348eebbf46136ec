"""Sums over the clips of each speaker, from which every score of any weighting of the speakers follows.

Scores are needed thousands of times, once for each resample of the speakers. But all of them follow from sums over
clips (the confusion matrix, the losses, the bins of confidence) or over pairs of clips (the AUROC), and these add up
over speakers: so the table is read once, and a resample costs a product of small matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int64
from scipy.special import rel_entr, xlogy

NUM_BINS = 15
"""Bins of equal width for the confidence, as in Guo et al. (2017)."""
LEAST = float(np.finfo(np.float64).eps)
"""A probability counts as no less in the log loss, as in scikit-learn."""
BLOCK = 256
"""About how many clips of similar score are compared one by one."""


class Sums(NamedTuple):
    """What the scores of some clips follow from; any number of leading axes (groups, resamples).

    `confusion` [... class class]: clips, rows are the truth. `log_loss`, `brier`, `top2`, `cross_entropy` and
    `js_divergence` [...]: sums over clips. `bins` [... bin 3]: clips, their confidence, how many are right.
    `concordance` [... class]: pairs of a clip of the class and one of another in which the first has the higher
    probability of the class; ties count as half. The last two losses are NaN where the labels are not soft.
    """

    confusion: Float[np.ndarray, "*group class class"]
    log_loss: Float[np.ndarray, "*group"]
    brier: Float[np.ndarray, "*group"]
    top2: Float[np.ndarray, "*group"]
    bins: Float[np.ndarray, "*group bin 3"]
    concordance: Float[np.ndarray, "*group class"]
    cross_entropy: Float[np.ndarray, "*group"]
    js_divergence: Float[np.ndarray, "*group"]


class Tally(NamedTuple):
    """The sums of each group of clips [group ...].

    `concordance` [class group group] is by pairs of groups: whose clip of the class, whose other clip. It takes
    8 bytes x classes x groups^2: 64 MB for 1,000 groups and 8 classes.
    """

    sums: Sums
    concordance: Float[np.ndarray, "class group group"]

    def weighted(self, weights: Float[np.ndarray, "resample group"]) -> Sums:
        """The sums of each weighting of the groups [resample ...]: a weight of 2 counts a group's clips twice."""
        weights = np.asarray(weights, dtype=np.float64)
        added = {
            name: np.tensordot(weights, value, axes=1)
            for name, value in self.sums._asdict().items()
            if name != "concordance"
        }
        pairs = [((weights @ of_class) * weights).sum(axis=1) for of_class in self.concordance]
        return Sums(**added, concordance=np.stack(pairs, axis=-1))

    def total(self) -> Sums:
        """The sums over all groups, without a leading axis."""
        one = self.weighted(np.ones((1, len(self.sums.log_loss))))
        return Sums(*(value[0] for value in one))


class _Clips(NamedTuple):
    """A predictions table in numbers; `q` are the shares of votes, where labels are soft."""

    truth: Int64[np.ndarray, " clip"]
    guess: Int64[np.ndarray, " clip"]
    p: Float[np.ndarray, "clip class"]
    q: Float[np.ndarray, "clip class"] | None


def tally(table: pl.DataFrame, labels: Sequence[str], groups: pl.Series | None = None) -> Tally:
    """The tally of a predictions table by `groups` (a value for each row, in sorted order), or of all its clips.

    The table has the columns label, prediction, and p_<label> of every class; with q_<label> the labels are soft.
    """
    clips = _read(table, labels)
    group, num_groups = numbered(groups, len(table))
    pairs = np.empty((len(labels), num_groups, num_groups))
    for index in range(len(labels)):
        pairs[index] = concordance(clips.p[:, index], clips.truth == index, group, num_groups)
    return Tally(_sums(clips, group, num_groups, np.diagonal(pairs, axis1=1, axis2=2).T), pairs)


def group_sums(table: pl.DataFrame, labels: Sequence[str], groups: pl.Series | None = None) -> Sums:
    """The sums of each group by itself [group ...], as those of its tally, without its pairs of groups."""
    clips = _read(table, labels)
    group, num_groups = numbered(groups, len(table))
    pairs = [
        own_concordance(clips.p[:, index], clips.truth == index, group, num_groups) for index in range(len(labels))
    ]
    return _sums(clips, group, num_groups, np.stack(pairs, axis=-1))


def table_sums(table: pl.DataFrame, labels: Sequence[str]) -> Sums:
    """The sums of all clips of a predictions table, without a leading axis."""
    return Sums(*(value[0] for value in group_sums(table, labels)))


def numbered(groups: pl.Series | None, num_rows: int) -> tuple[Int64[np.ndarray, " clip"], int]:
    """The number of each row's group, in sorted order from 0, and how many groups there are.

    >>> numbered(pl.Series(["sad", "calm", "sad"]), 3)
    (array([1, 0, 1]), 2)
    """
    if groups is None:
        return np.zeros(num_rows, dtype=np.int64), 1
    return groups.rank("dense").to_numpy().astype(np.int64) - 1, groups.n_unique()


def _read(table: pl.DataFrame, labels: Sequence[str]) -> _Clips:
    number = {label: index for index, label in enumerate(labels)}
    soft = f"q_{labels[0]}" in table.columns
    return _Clips(
        truth=np.array([number[label] for label in table["label"]], dtype=np.int64),
        guess=np.array([number[label] for label in table["prediction"]], dtype=np.int64),
        p=table.select(f"p_{label}" for label in labels).to_numpy().astype(np.float64),
        q=table.select(f"q_{label}" for label in labels).to_numpy().astype(np.float64) if soft else None,
    )


def _sums(
    clips: _Clips, group: Int64[np.ndarray, " clip"], num_groups: int, pairs: Float[np.ndarray, "group class"]
) -> Sums:
    """The sums of each group; `pairs` is its concordance."""
    truth, guess, p, q = clips
    num_classes, row = p.shape[1], np.arange(len(p))

    def added(values: Float[np.ndarray, " clip"]) -> Float[np.ndarray, " group"]:
        return np.bincount(group, values, minlength=num_groups)

    missing = np.full(num_groups, np.nan)
    return Sums(
        confusion=_cells((group, truth, guess), (num_groups, num_classes, num_classes)),
        log_loss=added(-np.log(np.clip(p[row, truth], LEAST, 1 - LEAST))),
        brier=added(np.square(p - np.eye(num_classes)[truth]).sum(axis=1)),
        top2=added(_rank(p, truth) < 2),
        bins=_bins(p[row, guess], guess == truth, group, num_groups),
        concordance=pairs,
        cross_entropy=missing if q is None else added(-xlogy(q, np.clip(p, LEAST, None)).sum(axis=1)),
        js_divergence=missing if q is None else added(_js_divergence(q, p)),
    )


def _cells(where: tuple[Int64[np.ndarray, " clip"], ...], shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
    """How many clips fall into each cell."""
    flat = np.ravel_multi_index(where, shape)
    counts: Float[np.ndarray, "..."] = np.bincount(flat, minlength=int(np.prod(shape))).astype(np.float64)
    return counts.reshape(shape)


def _rank(p: Float[np.ndarray, "clip class"], truth: Int64[np.ndarray, " clip"]) -> Int64[np.ndarray, " clip"]:
    """How many classes go before the true one; of equal ones the later class goes first, as in scikit-learn."""
    own = p[np.arange(len(p)), truth][:, None]
    later = np.arange(p.shape[1]) > truth[:, None]
    before = (p > own) | ((p == own) & later)
    return np.asarray(before.sum(axis=1), dtype=np.int64)


def confidence_bin(confidence: Float[np.ndarray, " clip"]) -> Int64[np.ndarray, " clip"]:
    """The bin of each confidence: bin b holds those above b / NUM_BINS, up to and with (b + 1) / NUM_BINS."""
    return np.asarray(np.clip(np.ceil(confidence * NUM_BINS) - 1, 0, NUM_BINS - 1), dtype=np.int64)


def _bins(
    confidence: Float[np.ndarray, " clip"], right: np.ndarray, group: Int64[np.ndarray, " clip"], num_groups: int
) -> Float[np.ndarray, "group bin 3"]:
    cell = group * NUM_BINS + confidence_bin(confidence)
    columns = [np.bincount(cell, values, num_groups * NUM_BINS) for values in (np.ones_like(cell), confidence, right)]
    return np.stack(columns, axis=-1).reshape(num_groups, NUM_BINS, 3)


def _js_divergence(
    q: Float[np.ndarray, "clip class"], p: Float[np.ndarray, "clip class"]
) -> Float[np.ndarray, " clip"]:
    """The Jensen-Shannon divergence in bits, from 0 to 1 (Lin 1991)."""
    middle = (p + q) / 2
    bits: Float[np.ndarray, " clip"] = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / (2 * np.log(2))
    return bits


def own_concordance(
    score: Float[np.ndarray, " clip"], positive: Bool[np.ndarray, " clip"], group: Int64[np.ndarray, " clip"], num: int
) -> Float[np.ndarray, " group"]:
    """Pairs (clip of the class, another) within each group in which the first has the higher score; ties are half."""
    order = np.lexsort((score, group))
    score, positive, group = score[order], positive[order], group[order]
    level = np.cumsum((np.diff(score, prepend=np.nan) != 0) | (np.diff(group, prepend=-1) != 0)) - 1
    others = np.bincount(level, ~positive)
    before = np.cumsum(others) - others / 2
    of_group = np.bincount(group, ~positive, minlength=num)
    won = before[level] - (np.cumsum(of_group) - of_group)[group]
    return np.bincount(group, won * positive, minlength=num)


def concordance(
    score: Float[np.ndarray, " clip"], positive: Bool[np.ndarray, " clip"], group: Int64[np.ndarray, " clip"], num: int
) -> Float[np.ndarray, "group group"]:
    """Pairs (clip of the class, another) by their groups in which the first has the higher score; ties are half.

    The clips are cut into blocks of rising score. Pairs of two blocks are counted by a product of matrices that takes
    a pair within a block for a tie; the few of those that are no ties are then set right one by one. 200,000 clips of
    2,000 groups and 8 classes take 3 s so, where to search every clip in every group took 30 s.
    """
    block = score_blocks(score)
    shape = (int(block.max(initial=-1)) + 1, num)
    of_class, others = (_cells((block[rows], group[rows]), shape) for rows in (positive, ~positive))
    pairs: Float[np.ndarray, "group group"] = of_class.T @ (np.cumsum(others, axis=0) - others / 2)
    order = np.argsort(block, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(block))[:-1]):
        if len(rows) >= 2 * BLOCK:
            continue  # one score that many clips have
        above, below = rows[positive[rows]], rows[~positive[rows]]
        cell = group[above][:, None] * num + group[below]
        np.add.at(pairs.reshape(-1), cell.ravel(), np.sign(score[above][:, None] - score[below]).ravel() / 2)
    return pairs


def score_blocks(score: Float[np.ndarray, " clip"]) -> Int64[np.ndarray, " clip"]:
    """The block of each clip, in the order of the scores: equal scores share one, and else it has < 2 BLOCK clips.

    >>> score_blocks(np.array([0.5, 0.1, 0.5])).tolist()
    [0, 0, 0]
    """
    _, level, size = np.unique(score, return_inverse=True, return_counts=True)
    first = np.cumsum(size) - size
    alone = size >= BLOCK
    _, number = np.unique(2 * (first // BLOCK) + alone, return_inverse=True)
    block: Int64[np.ndarray, " clip"] = number[level]
    return block
