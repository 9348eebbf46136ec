"""Disjoint sentences: the score of words never heard before, from voices that may have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from ser_lightning.data.splits.base import Fraction, Seed, Split, few
from ser_lightning.data.splits.evenness import choose_units
from ser_lightning.data.splits.texts import spoken, text_units
from ser_lightning.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Text:
    """No text of test or val is in training; a text is the same in whatever corpus, case and outer spaces apart.

    Texts are drawn so that labels and sexes are as even among the parts as can be; fractions are of the texts.
    """

    seed: Seed = 0
    test_fraction: Fraction = 0.2
    val_fraction: Fraction = 0.15
    name: ClassVar[str] = "text"

    def split(self, table: pl.DataFrame) -> Split:
        """Assign whole texts; texts that share identical audio stay together."""
        texts = spoken(table)
        unknown = table["clip"].filter(texts == "")
        if len(unknown):
            raise UserError(
                f"split=text needs the text of every clip; {len(unknown)} have none, such as {unknown.sort()[0]}; "
                "add a text column, or use split=random or split=speaker"
            )
        units = text_units(table)
        num_units = units.n_unique()
        if num_units < 3:
            raise UserError(
                f"split=text needs at least 3 texts, one for each part; the data has {num_units}"
                f"{' that share no audio' if num_units < texts.n_unique() else ''} "
                f"({few(texts.unique()) or 'none'}); use split=speaker"
            )
        num_test, num_val = (max(1, round(share * num_units)) for share in (self.test_fraction, self.val_fraction))
        parts = choose_units(
            table.with_columns(unit=units), num_test=num_test, num_val=num_val, seed=self.seed, what="texts"
        )
        note = f"of {num_units} texts {num_test} are test, {num_val} val, {num_units - num_test - num_val} train"
        return Split(parts, (note,))
