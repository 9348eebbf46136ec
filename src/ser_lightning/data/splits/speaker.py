"""Disjoint speakers: the score of voices never heard before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ser_lightning.data.speakers import choose_speakers, speaker_units, tied
from ser_lightning.data.splits.base import Fraction, Seed, Split, check_parts
from ser_lightning.errors import UserError, did_you_mean


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
    name: str = "speaker"

    def split(self, table: pl.DataFrame) -> Split:
        """Assign whole speakers; speakers that share identical audio stay together."""
        units = speaker_units(table)
        names = sorted(set(units))
        if len(names) < 2:
            raise UserError(
                f"split=speaker needs at least 2 speakers, the data has {len(names)} "
                f"({', '.join(names) or 'none'}); use split=random, and mind what its score means"
            )
        test = _wanted("test_speakers", list(map(str, self.test_speakers)), units, table)
        val = _wanted("val_speakers", list(map(str, self.val_speakers)), units, table)
        if test & val:
            raise UserError(f"split.test_speakers and split.val_speakers share {', '.join(sorted(test & val))}")
        if len(names) == 2:
            return self._of_two(table, units, names, test)
        parts = choose_speakers(
            table.with_columns(unit=pl.Series(units)),
            fixed=dict.fromkeys(test, "test") | dict.fromkeys(val, "val"),
            num_test=len(test) or max(1, round(self.test_fraction * len(names))),
            num_val=len(val) or max(1, round(self.val_fraction * len(names))),
            seed=self.seed,
        )
        return Split(pl.Series([parts[unit] for unit in units], dtype=pl.String))

    def _of_two(self, table: pl.DataFrame, units: list[str], names: list[str], test: set[str]) -> Split:
        """One speaker is tested; a share of the other's texts is val."""
        if len(test) > 1 or self.val_speakers:
            raise UserError("with 2 speakers name one in split.test_speakers: val is cut from the other by text")
        rng = np.random.default_rng(self.seed)
        tested = next(iter(test)) if test else names[int(rng.integers(2))]
        other = table.with_columns(unit=pl.Series(units)).filter(pl.col("unit") != tested)
        spoken = sorted(set(other["text"].to_list()) - {""})
        key, what = ("text", "text") if len(spoken) > 1 else ("recording", "clip, as there are no texts to tell apart")
        groups = tied(other[key].to_list(), other["recording"].to_list())
        values = sorted(set(groups))
        num_val = max(1, round(self.val_fraction * len(values)))
        val = {values[i] for i in rng.permutation(len(values))[:num_val]}
        others = iter(["val" if group in val else "train" for group in groups])
        parts = ["test" if unit == tested else next(others) for unit in units]
        made = pl.Series(parts, dtype=pl.String)
        check_parts(made)
        trained = names[0] if tested == names[1] else names[1]
        return Split(
            made, (f"2 speakers: {tested} is tested; val is cut from {trained}, who is trained on, by {what}",)
        )


def _wanted(key: str, wanted: Sequence[str], units: list[str], table: pl.DataFrame) -> set[str]:
    """The units of the speakers a user named, as `YAF` or `tess/YAF`."""
    known: dict[str, dict[str, str]] = {}
    for corpus, speaker, unit in zip(table["corpus"], table["speaker"], units, strict=True):
        full = f"{corpus}/{speaker}"
        known.setdefault(speaker, {})[full] = unit
        known.setdefault(full, {})[full] = unit
    problems = [
        f"split.{key}: no clip is of speaker '{name}'{did_you_mean(name, table['speaker'].unique())}"
        for name in wanted
        if name not in known
    ]
    problems += [
        f"split.{key}: '{name}' is a speaker of several corpora; name {' or '.join(sorted(known[name]))}"
        for name in wanted
        if len(known.get(name, ())) > 1
    ]
    if problems:
        raise UserError(problems)
    return {unit for name in wanted for unit in known[name].values()}
