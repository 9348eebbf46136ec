"""EmoBox's published partitions, read from a checkout of it; nothing of it is kept here.

Ma et al. 2024, EmoBox, Interspeech, arXiv 2406.07162, https://github.com/emo-box/EmoBox. Its folds are those of its
results: their speakers are disjoint for SAVEE and RAVDESS, not for CREMA-D, TESS and EmoDB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from ser_lightning.data.splits.base import Fold, Fraction, Seed, Split, check_parts
from ser_lightning.data.splits.cut import put
from ser_lightning.data.splits.emobox_files import data_folder, fold_folders, read_fold
from ser_lightning.data.splits.listed import place, with_val
from ser_lightning.errors import UserError


@dataclass(frozen=True, kw_only=True)
class EmoBox:
    """Fold k of EmoBox for each corpus, clips known by their names.

    `root` is the checkout or its folder data. EmoBox has no val parts: `val_fraction` of train is cut off by `seed`,
    by speaker where the fold keeps speakers apart, else at random.
    """

    root: str | None = None
    seed: Seed = 0
    fold: Fold = 1
    val_fraction: Fraction = 0.15
    name: ClassVar[str] = "emobox"

    def __post_init__(self) -> None:
        data_folder(self.root)

    def split(self, table: pl.DataFrame) -> Split:
        """Look the clips up, each corpus in its own fold."""
        folder = data_folder(self.root)
        corpora = {name: fold_folders(folder / name) for name in table["corpus"].unique().sort()}
        self._check(folder, corpora)
        parts = pl.repeat(None, len(table), dtype=pl.String, eager=True)
        notes = []
        for corpus, folds in corpora.items():
            where = f"fold {self.fold} of EmoBox's {corpus}"
            rows = table["corpus"] == corpus
            listed = read_fold(folds[self.fold], where=where)
            placed, told = place(table.filter(rows), listed, key="name", where=where)
            parts = put(parts, rows, placed)
            notes += told
        parts, told = with_val(table, parts, fraction=self.val_fraction, seed=self.seed, where="EmoBox")
        check_parts(parts, "is the corpus whole, or split.val_fraction too small?")
        numbers = set(map(len, corpora.values()))
        return Split(parts, (*notes, *told), self.fold, numbers.pop() if len(numbers) == 1 else None)

    def _check(self, folder: Path, corpora: Mapping[str, Mapping[int, Path]]) -> None:
        """Raise UserError where EmoBox lacks a corpus, or this fold of it."""
        there = sorted(path.name for path in folder.iterdir() if fold_folders(path))
        problems = [
            f"split=emobox: EmoBox has no folds of {corpus} in {folder}, only of {', '.join(there)}"
            for corpus, folds in corpora.items()
            if not folds
        ]
        problems += [
            f"split.fold={self.fold}: EmoBox has of {corpus} the fold{'s' * (len(folds) > 1)} "
            f"{', '.join(map(str, folds))}; choose one of them"
            for corpus, folds in corpora.items()
            if folds and self.fold not in folds
        ]
        if problems:
            raise UserError(problems)
