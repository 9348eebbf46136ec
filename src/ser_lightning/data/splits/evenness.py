"""Pure: which whole units (speakers, texts) lie together, so that labels and sexes are as even among them as can be.

Of many seeded draws the one is taken whose parts differ least from their share of the whole: the sum, over parts,
labels and sexes, of the squared relative difference of clips. A part's share is that of its units, so parts with
equal labels may still be of any size that their units have.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from ser_lightning.data.parts import PARTS
from ser_lightning.errors import UserError

MOST_DRAWS = 2000
LEAST_DRAWS = 8
CELLS = 4_000_000
"""Draws times units, at most: among very many units any draw is even, and memory is finite."""


def choose_units(
    table: pl.DataFrame,
    *,
    num_test: int,
    num_val: int,
    seed: int,
    fixed: Mapping[str, str] | None = None,
    what: str = "speakers",
) -> pl.Series:
    """The part of each row, whole units (column unit) in each: `num_test` and `num_val` of them, `fixed` as they are.

    Raises UserError, in terms of `what` the units are, where none would be left for training.
    """
    fixed = fixed or {}
    units = table["unit"].unique().sort().to_list()
    free = np.flatnonzero([unit not in fixed for unit in units])
    open_test = num_test - sum(part == "test" for part in fixed.values())
    open_val = num_val - sum(part == "val" for part in fixed.values())
    if open_test + open_val >= len(free):
        asked = " and ".join(f"{number} {part}" for number, part in ((num_test, "test"), (num_val, "val")) if number)
        raise UserError(f"{asked} {what} leave none of {len(units)} for training; ask for fewer")
    draws = free[_permutations(len(free), seed)]
    drawn = np.tile(np.array([PARTS.index(fixed.get(unit, "train")) for unit in units], np.int32), (len(draws), 1))
    np.put_along_axis(drawn, draws[:, :open_test], PARTS.index("test"), axis=1)
    np.put_along_axis(drawn, draws[:, open_test : open_test + open_val], PARTS.index("val"), axis=1)
    shares = np.bincount(drawn[0], minlength=len(PARTS)) / len(units)
    best = _most_even(drawn, shares, table)
    return _by_row(table, units, [PARTS[code] for code in best])


def deal_units(table: pl.DataFrame, *, num_folds: int, seed: int) -> pl.Series:
    """The fold of each row, from 1: whole units (column unit), in each fold as many as in another or one more."""
    units = table["unit"].unique().sort().to_list()
    draws = _permutations(len(units), seed)
    drawn = np.empty(draws.shape, np.int32)
    np.put_along_axis(drawn, draws, np.arange(len(units), dtype=np.int32)[None] % num_folds, axis=1)
    best = _most_even(drawn, np.full(num_folds, 1 / num_folds), table)
    return _by_row(table, units, [code + 1 for code in best])


def _permutations(num_units: int, seed: int) -> npt.NDArray[np.int64]:
    """Random orders of the units: [draw, unit]."""
    num_draws = min(MOST_DRAWS, max(LEAST_DRAWS, CELLS // max(1, num_units)))
    return np.random.default_rng(seed).random((num_draws, num_units)).argsort(axis=1)


def _most_even(
    drawn: npt.NDArray[np.int32], shares: npt.NDArray[np.float64], table: pl.DataFrame
) -> npt.NDArray[np.int32]:
    """The draw [unit], of those in [draw, unit], whose parts are nearest to their shares of each label and sex."""
    profile = np.hstack([_profile(table, key) for key in ("label", "sex")])
    whole = profile.sum(axis=0)
    unevenness = np.zeros(len(drawn))
    for code in np.flatnonzero(shares):
        clips = (drawn == code).astype(float) @ profile
        unevenness += ((clips / (shares[code] * whole) - 1) ** 2).sum(axis=1)
    # Rounded, so that of equally even draws the first is taken on every processor.
    best: npt.NDArray[np.int32] = drawn[int(unevenness.round(9).argmin())]
    return best


def _profile(table: pl.DataFrame, key: str) -> npt.NDArray[np.float64]:
    """Clips of each unit by each value of a column: [unit, value], both in sorted order."""
    counts = table.group_by("unit", key).len()
    unit, value = (counts[name].rank("dense").to_numpy().astype(np.int64) - 1 for name in ("unit", key))
    clips = np.zeros((unit.max() + 1, value.max() + 1))
    clips[unit, value] = counts["len"].to_numpy()
    return clips


def _by_row(table: pl.DataFrame, units: list[str], given: list[str] | list[int]) -> pl.Series:
    """What each row's unit was given."""
    each = pl.DataFrame({"unit": units, "given": given})
    return table.select("unit").join(each, on="unit", how="left", maintain_order="left")["given"]
