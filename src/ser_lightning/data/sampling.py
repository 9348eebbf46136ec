"""Which clips an epoch draws: each once, or as many of every emotion, speaker or corpus."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ser_lightning.data.speakers import voices
from ser_lightning.errors import UserError

Int = npt.NDArray[np.int64]
BalancedBy = Literal["emotion", "speaker", "corpus"]


def group_numbers(table: pl.DataFrame, by: BalancedBy | None) -> Int | None:
    """A number for the emotion (class), speaker or corpus of each row; None where nothing is balanced.

    Raises UserError where there is only one group, or a speaker is not known.
    """
    if by is None:
        return None
    if by == "speaker" and (table.filter(pl.col("part") == "train")["speaker"] == "").any():
        raise UserError("data.balanced_by=speaker needs the speaker of every clip; some have none")
    names = {"emotion": table["label"], "speaker": voices(table), "corpus": table["corpus"]}[by]
    if names.filter(table["part"] == "train").n_unique() < 2:
        raise UserError(f"data.balanced_by={by} needs at least two of them in training, there is one; leave it out")
    numbers: Int = (names.rank("dense").cast(pl.Int64) - 1).to_numpy()
    return numbers


def epoch_order(rows: Int, groups: Int | None, rng: np.random.Generator) -> tuple[Int, Int]:
    """The rows an epoch draws, in their order, and how often each was drawn before in this epoch.

    Without groups each row comes once. With them (one number a row of the whole table) as many draws as there are
    rows are shared out evenly among the groups that `rows` hold; a small group is gone through again and again, each
    time in another order, a large one is drawn from without repeats.
    """
    if groups is None:
        return rows[rng.permutation(len(rows))], np.zeros(len(rows), np.int64)
    own = groups[rows]
    names, share = np.unique(own), len(rows)
    quota = np.full(len(names), share // len(names))
    quota[rng.permutation(len(names))[: share % len(names)]] += 1
    drawn, visits = [], []
    for name, wanted in zip(names, quota.tolist(), strict=True):
        members = rows[own == name]
        passes = -(-wanted // len(members))
        order = np.concatenate([rng.permutation(members) for _ in range(passes)] or [members[:0]])
        drawn.append(order[:wanted])
        visits.append(np.repeat(np.arange(passes), len(members))[:wanted])
    shuffled = rng.permutation(share)
    return np.concatenate(drawn)[shuffled], np.concatenate(visits)[shuffled]
