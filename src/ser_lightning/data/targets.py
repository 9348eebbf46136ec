"""What is learned of each clip: its label, or the shares of the listeners' votes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from ser_lightning.corpora.columns import VOTE
from ser_lightning.emotions import LabelSet

TIE = 1e-6
"""What a label has more than its rival where votes are even, so that the largest share is the label's."""


def class_labels(table: pl.DataFrame, labels: LabelSet) -> pl.Series:
    """The class of each clip: its emotion's, or the one with most votes; null where no class takes the emotion.

    Votes for emotions that count as one class add up. Where they are even the emotion's own class goes first.
    """
    own = table["emotion"].replace_strict(labels.mapping, default=None, return_dtype=pl.String)
    votes = _votes(table, labels)
    names = np.array(labels.labels, dtype=object)
    most = votes.max(axis=1, initial=0.0)
    number = {label: index for index, label in enumerate(labels.labels)}
    at = np.array([number.get(name, 0) for name in own], dtype=np.int64)
    beaten = (most > 0) & (votes[np.arange(len(at)), at] < most)
    made = pl.Series(names[np.where(beaten, votes.argmax(axis=1), at)].tolist(), dtype=pl.String)
    return made.zip_with(own.is_not_null(), own)


def class_targets(table: pl.DataFrame, labels: LabelSet, *, shuffle_seed: int | None = None) -> npt.NDArray[np.float32]:
    """The probability of each class for each clip [clip class]: one-hot, or the votes where the table has them.

    Votes for emotions that count as one class add up; those for emotions that no class takes are left out, and the
    rest sums to one. With a seed the rows of the training part come in random order, as a control.
    """
    number = {label: index for index, label in enumerate(labels.labels)}
    label = np.array([number[name] for name in table["label"]], dtype=np.int64)
    targets = np.eye(len(number))[label]
    votes = _votes(table, labels)
    voted = votes.sum(axis=1) > 0
    votes[voted] /= votes[voted].sum(axis=1, keepdims=True)
    tied = voted & (votes.argmax(axis=1) != label) & (votes[np.arange(len(label)), label] == votes.max(axis=1))
    votes[tied, label[tied]] += TIE
    targets[voted] = votes[voted] / votes[voted].sum(axis=1, keepdims=True)
    if shuffle_seed is not None:
        train = np.flatnonzero((table["part"] == "train").to_numpy())
        targets[train] = targets[np.random.default_rng(shuffle_seed).permutation(train)]
    return targets.astype(np.float32)


def unlearned_votes(table: pl.DataFrame, labels: LabelSet) -> float:
    """The share of all votes on these clips that is for emotions no class takes; 0 where there are no votes."""
    columns = [name for name in table.columns if name.startswith(VOTE)]
    total = float(table.select(pl.sum_horizontal(pl.col(columns).sum())).item()) if columns else 0.0
    return 1 - float(_votes(table, labels).sum()) / total if total else 0.0


def are_soft(targets: npt.NDArray[np.float32]) -> bool:
    """Whether any clip counts as more than one class."""
    return bool((targets.max(axis=1, initial=0.0) < 1).any())


def _votes(table: pl.DataFrame, labels: LabelSet) -> npt.NDArray[np.float64]:
    """The summed votes [clip class] of the classes' emotions, zeros where nobody voted."""
    sums = np.zeros((len(table), len(labels.labels)))
    for emotion, name in labels.mapping.items():
        if VOTE + emotion in table.columns:
            sums[:, labels.labels.index(name)] += table[VOTE + emotion].fill_null(0.0).to_numpy()
    return sums
