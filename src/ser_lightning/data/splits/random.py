"""Clips at random: the classic 80/20."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from ser_lightning.data.splits.base import Fraction, Seed, Split, check_parts
from ser_lightning.data.splits.cut import by_row, recordings, take_share


@dataclass(frozen=True, kw_only=True)
class Random:
    """Clips at random, the classic 80/20: speakers are in all parts, so the score is that of known voices.

    `val_fraction` is cut from what `test_fraction` leaves.
    """

    seed: Seed = 0
    test_fraction: Fraction = 0.2
    val_fraction: Fraction = 0.1
    stratify: bool = True
    name: ClassVar[str] = "random"

    def split(self, table: pl.DataFrame) -> Split:
        """Draw recordings, within each label where stratified."""
        units = recordings(table)
        order = np.random.default_rng(self.seed).permutation(len(units))
        groups = units["label"].to_list() if self.stratify else [""] * len(units)
        sizes = units["len"].to_numpy()
        parts = np.full(len(units), "train", dtype=object)
        for part, fraction in (("test", self.test_fraction), ("val", self.val_fraction)):
            free = order[parts[order] == "train"]
            taken = take_share(free, [groups[i] for i in free], sizes, fraction)
            parts[taken] = part
        made = by_row(table, units, parts)
        check_parts(made)
        return Split(made, details="stratified by label" if self.stratify else "not stratified")
