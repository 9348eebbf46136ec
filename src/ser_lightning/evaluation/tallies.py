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
from jaxtyping import Float, Int64
from scipy.special import rel_entr, xlogy

NUM_BINS = 15
"""Bins of equal width for the confidence, as in Guo et al. (2017)."""
LEAST = float(np.finfo(np.float64).eps)
"""A probability counts as no less in the log loss, as in scikit-learn."""


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

    `concordance` [class group group] is by pairs of groups: whose clip of the class, whose other clip.
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


def tally(table: pl.DataFrame, labels: Sequence[str], groups: pl.Series | None = None) -> Tally:
    """The tally of a predictions table by `groups` (a value for each row, in sorted order), or of all its clips.

    The table has the columns label, prediction, and p_<label> of every class; with q_<label> the labels are soft.
    """
    group, num_groups = _numbered(groups, len(table))
    number = {label: index for index, label in enumerate(labels)}
    truth = np.array([number[label] for label in table["label"]], dtype=np.int64)
    guess = np.array([number[label] for label in table["prediction"]], dtype=np.int64)
    p = table.select(f"p_{label}" for label in labels).to_numpy().astype(np.float64)
    soft = f"q_{labels[0]}" in table.columns
    q = table.select(f"q_{label}" for label in labels).to_numpy().astype(np.float64) if soft else None

    def added(values: Float[np.ndarray, " clip"]) -> Float[np.ndarray, " group"]:
        return np.bincount(group, values, minlength=num_groups)

    missing = np.full(num_groups, np.nan)
    sums = Sums(
        confusion=_cells((group, truth, guess), (num_groups, len(labels), len(labels))),
        log_loss=added(-np.log(np.clip(p[np.arange(len(p)), truth], LEAST, 1 - LEAST))),
        brier=added(np.square(p - np.eye(len(labels))[truth]).sum(axis=1)),
        top2=added(_rank(p, truth) < 2),
        bins=_bins(p[np.arange(len(p)), guess], guess == truth, group, num_groups),
        concordance=np.zeros((num_groups, len(labels))),
        cross_entropy=missing if q is None else added(-xlogy(q, np.clip(p, LEAST, None)).sum(axis=1)),
        js_divergence=missing if q is None else added(_js_divergence(q, p)),
    )
    pairs = [_concordance(p[:, index], truth == index, group, num_groups) for index in range(len(labels))]
    return Tally(sums, np.stack(pairs))


def _numbered(groups: pl.Series | None, num_rows: int) -> tuple[Int64[np.ndarray, " clip"], int]:
    """The number of each row's group, and how many groups there are."""
    if groups is None:
        return np.zeros(num_rows, dtype=np.int64), 1
    names, numbers = np.unique(groups.to_numpy(), return_inverse=True)
    return numbers.astype(np.int64), len(names)


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


def _concordance(
    score: Float[np.ndarray, " clip"], positive: np.ndarray, group: Int64[np.ndarray, " clip"], num_groups: int
) -> Float[np.ndarray, "group group"]:
    """Pairs (clip of the class, another) by their groups in which the first has the higher score; ties are half."""
    pairs = np.zeros((num_groups, num_groups))
    high, owner = score[positive], group[positive]
    for other in range(num_groups):
        low = np.sort(score[~positive & (group == other)])
        won = (np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")) / 2
        pairs[:, other] = np.bincount(owner, won, minlength=num_groups)
    return pairs
