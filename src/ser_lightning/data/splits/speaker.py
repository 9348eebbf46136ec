"""Disjoint speakers: the score of voices never heard before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import polars as pl

from ser_lightning.data.speakers import named_units, with_units
from ser_lightning.data.splits.base import Fraction, Seed, Split
from ser_lightning.data.splits.cut import of_two
from ser_lightning.data.splits.evenness import choose_units
from ser_lightning.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """Disjoint speakers: no voice of test or val is in training.

    Speakers are drawn so that labels and sexes are as even among the parts as can be. With two speakers one is
    tested and val is cut from the other by text. `test_speakers` and `val_speakers` fix the choice.
    """

    seed: Seed = 0
    test_fraction: Fraction = 0.2
    val_fraction: Fraction = 0.15
    test_speakers: Sequence[str | int] = ()
    val_speakers: Sequence[str | int] = ()
    name: ClassVar[str] = "speaker"

    def split(self, table: pl.DataFrame) -> Split:
        """Assign whole speakers; speakers that share identical audio stay together."""
        units, names = with_units(table, split=self.name)
        test = named_units("test_speakers", self.test_speakers, units)
        val = named_units("val_speakers", self.val_speakers, units)
        if test & val:
            raise UserError(f"split.test_speakers and split.val_speakers share {', '.join(sorted(test & val))}")
        if len(names) == 2:
            return self._of_two(units, names, test)
        parts = choose_units(
            units,
            fixed=dict.fromkeys(test, "test") | dict.fromkeys(val, "val"),
            num_test=len(test) or max(1, round(self.test_fraction * len(names))),
            num_val=len(val) or max(1, round(self.val_fraction * len(names))),
            seed=self.seed,
        )
        return Split(parts, details=self._chosen(), drawn=not (test and val))

    def _of_two(self, units: pl.DataFrame, names: list[str], test: set[str]) -> Split:
        if len(test) > 1 or self.val_speakers:
            raise UserError("with 2 speakers name one in split.test_speakers: val is cut from the other by text")
        drawn = names[int(np.random.default_rng(self.seed).integers(2))]
        made = of_two(units, next(iter(test), drawn), fraction=self.val_fraction, seed=self.seed)
        return replace(made, details=self._chosen())

    def _chosen(self) -> str:
        """Which speakers were named rather than drawn."""
        named = (("tested", self.test_speakers), ("val", self.val_speakers))
        return ", ".join(f"{part}: {' '.join(map(str, names))}" for part, names in named if names)
