"""Folds of disjoint speakers: over all of them every clip is tested once, by a model that never heard its voice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import polars as pl
from annotated_types import Ge

from ser_lightning.data.speakers import with_units
from ser_lightning.data.splits.base import Fold, Seed, Split, check_fold, check_parts
from ser_lightning.data.splits.cut import VAL_FRACTION, by_speaker, of_two, put
from ser_lightning.data.splits.evenness import deal_units
from ser_lightning.errors import UserError


@dataclass(frozen=True, kw_only=True)
class KFold:
    """Fold k of the speakers is tested, the next fold is val, the rest is trained on.

    Folds have as many speakers as one another, or one more, and labels and sexes as even as can be. With two folds
    val is whole speakers of the one that is not tested; of two speakers, texts of the one that is not tested.
    """

    seed: Seed = 0
    folds: Annotated[int, Ge(2)] = 5
    fold: Fold = 1
    name: ClassVar[str] = "kfold"

    def __post_init__(self) -> None:
        check_fold(self.fold, self.folds, f"split.folds={self.folds}")

    def split(self, table: pl.DataFrame) -> Split:
        """Deal whole speakers; speakers that share identical audio stay together."""
        units, names = with_units(table, split=self.name)
        if len(names) < self.folds:
            raise UserError(
                f"split.folds={self.folds} needs as many speakers, the data has {len(names)}; "
                f"use split.folds={len(names)} or split=one_speaker_out"
            )
        dealt = deal_units(units, num_folds=self.folds, seed=self.seed)
        tested = dealt == self.fold
        made = self._two(units, tested) if self.folds == 2 else self._more(dealt)
        return replace(made, fold=self.fold, num_folds=self.folds)

    def _more(self, dealt: pl.Series) -> Split:
        roles = {self.fold: "test", self.fold % self.folds + 1: "val"}
        return Split(dealt.replace_strict(roles, default="train", return_dtype=pl.String))

    def _two(self, units: pl.DataFrame, tested: pl.Series) -> Split:
        num_speakers = units["unit"].n_unique()
        if num_speakers == 2:
            [voice] = units["unit"].filter(tested).unique()
            return of_two(units, voice, fraction=VAL_FRACTION, seed=self.seed)
        if num_speakers == 3:
            raise UserError(
                "split.folds=2 needs at least 4 speakers (or 2), so that those of train, val and test differ; the data "
                "has 3; use split.folds=3"
            )
        cut = by_speaker(units.filter(~tested), fraction=VAL_FRACTION, seed=self.seed)
        parts = put(pl.repeat("test", len(units), eager=True), ~tested, cut.parts)
        check_parts(parts)
        return Split(parts, (f"2 folds: val is cut from the fold that is not tested, {cut.how}",))
