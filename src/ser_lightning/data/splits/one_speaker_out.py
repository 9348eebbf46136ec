"""One speaker out: as many folds as speakers, each tests one voice that was never heard before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import polars as pl

from ser_lightning.data.speakers import named_units, voices_of, with_units
from ser_lightning.data.splits.base import Fold, Seed, Split, check_choice, check_fold
from ser_lightning.data.splits.cut import VAL_FRACTION, of_two
from ser_lightning.errors import UserError


@dataclass(frozen=True, kw_only=True)
class OneSpeakerOut:
    """Fold k tests the k-th speaker in order of name, the next one is val, all others are trained on.

    `test_speakers` names the tested one instead of a fold. With two speakers val is cut from the other by text; only
    then is anything drawn by `seed`.
    """

    seed: Seed = 0
    fold: Fold = 1
    test_speakers: Sequence[str | int] = ()
    name: ClassVar[str] = "one_speaker_out"

    def __post_init__(self) -> None:
        if len(self.test_speakers) > 1:
            given = ", ".join(map(str, self.test_speakers))
            raise UserError(f"split=one_speaker_out tests one speaker, got split.test_speakers=[{given}]; name one")
        check_choice(self.fold, "test_speakers", *self.test_speakers)

    def split(self, table: pl.DataFrame) -> Split:
        """Test one speaker; speakers that share identical audio count as one."""
        units, names = with_units(table, split=self.name)
        check_fold(self.fold, len(names), f"the data has {len(names)} speakers")
        wanted = named_units("test_speakers", self.test_speakers, units)
        at = names.index(wanted.pop()) if wanted else self.fold - 1
        made = self._two(units, names[at]) if len(names) == 2 else self._more(units, names, at)
        return replace(made, fold=at + 1, num_folds=len(names))

    def _two(self, units: pl.DataFrame, tested: str) -> Split:
        return of_two(units, tested, fraction=VAL_FRACTION, seed=self.seed)

    def _more(self, units: pl.DataFrame, names: list[str], at: int) -> Split:
        tested, compared = names[at], names[(at + 1) % len(names)]
        roles = {tested: "test", compared: "val"}
        parts = units["unit"].replace_strict(roles, default="train", return_dtype=pl.String)
        return Split(
            parts, (f"{voices_of(units, tested)} is tested, {voices_of(units, compared)} is val",), drawn=False
        )
