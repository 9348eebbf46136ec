"""One corpus out: tested is a corpus that was never heard before, with its speakers, its room and its way of acting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from ser_lightning.data.splits.base import Fold, Fraction, Seed, Split, check_choice, check_fold, check_parts, few
from ser_lightning.data.splits.cut import Cut, by_speaker_or_text, by_text, of_each_corpus
from ser_lightning.errors import UserError, did_you_mean

LEAST_SPEAKERS = 3
"""Of so many speakers one can be val and two are left for training."""


@dataclass(frozen=True, kw_only=True)
class OneCorpusOut:
    """Fold k tests the k-th corpus in order of name, or the one that `test_corpus` names.

    Val is cut from each other corpus, `val_fraction` of its speakers; by text where it has fewer than three.
    Recordings of theirs that the tested corpus has too are in no part.
    """

    seed: Seed = 0
    fold: Fold = 1
    test_corpus: str | None = None
    val_fraction: Fraction = 0.15
    name: ClassVar[str] = "one_corpus_out"

    def __post_init__(self) -> None:
        check_choice(self.fold, "test_corpus", self.test_corpus)

    def split(self, table: pl.DataFrame) -> Split:
        """Test one corpus, and cut val from the others."""
        names = table["corpus"].unique().sort().to_list()
        at = self._place(names)
        tested = table["corpus"] == names[at]
        copied = ~tested & table["recording"].is_in(table["recording"].filter(tested).unique().to_list())
        parts = tested.replace_strict({True: "test", False: "train"}, return_dtype=pl.String)
        parts = parts.set(copied, None)
        notes = [f"{names[at]} is tested, all other corpora are trained on"]
        if copied.any():
            notes.append(
                f"{copied.sum()} clips of the other corpora are recordings that {names[at]} has too, so they are "
                f"left out: {few(table['clip'].filter(copied))}"
            )
        parts, told = of_each_corpus(table, parts, self._cut)
        notes += [f"val of {corpus} is cut {how}" for corpus, how in told]
        check_parts(parts)
        return Split(parts, tuple(notes), at + 1, len(names))

    def _place(self, names: list[str]) -> int:
        if len(names) < 2:
            raise UserError(
                f"split=one_corpus_out needs at least 2 corpora, the data has {len(names)} "
                f"({', '.join(names) or 'none'}); use corpus=several, or split=one_speaker_out"
            )
        check_fold(self.fold, len(names), f"the data has {len(names)} corpora")
        if self.test_corpus is None:
            return self.fold - 1
        if self.test_corpus not in names:
            raise UserError(
                f"split.test_corpus: no clip is of corpus '{self.test_corpus}'{did_you_mean(self.test_corpus, names)}"
            )
        return names.index(self.test_corpus)

    def _cut(self, rows: pl.DataFrame) -> Cut:
        """By speaker where there are enough; a corpus that does not name every speaker has not."""
        if (rows["speaker"] == "").any():
            cut = by_text(rows, fraction=self.val_fraction, seed=self.seed)
            return cut._replace(how=f"{cut.how}, as not every speaker is known")
        cut = by_speaker_or_text(rows, least=LEAST_SPEAKERS, fraction=self.val_fraction, seed=self.seed)
        num_speakers = rows["unit"].n_unique()
        few_speakers = (
            f", as it has {num_speakers} speaker{'s' * (num_speakers > 1)}" if num_speakers < LEAST_SPEAKERS else ""
        )
        return cut._replace(how=cut.how + few_speakers)
