"""Parts from a list of your own: a CSV with the columns clip and part, such as the split.csv of an earlier run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from ser_lightning.data.parts import PARTS
from ser_lightning.data.splits.base import Fraction, Seed, Split, check_parts, few
from ser_lightning.data.splits.listed import check_list, place, with_val
from ser_lightning.errors import UserError, did_you_mean
from ser_lightning.files import read_table

COLUMNS = ("clip", "part")
PART_NAMES = dict(zip(PARTS, PARTS, strict=True)) | dict.fromkeys(("valid", "validation", "dev"), "val") | {"": None}
"""How a list may spell a part; an empty one is a clip that the list leaves out."""


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """The parts that `file` gives, by clip id or by the clip's name in its corpus.

    What it does not list is in no part. Where it has no val, `val_fraction` of train is cut off by `seed`.
    """

    file: str | None = None
    seed: Seed = 0
    val_fraction: Fraction = 0.15
    name: ClassVar[str] = "fixed"

    def __post_init__(self) -> None:
        self._listed()

    def split(self, table: pl.DataFrame) -> Split:
        """Look the clips up."""
        where, listed = self._listed()
        names = listed["clip"].to_list()
        key = next((key for key in ("clip", "name") if table[key].is_in(names).any()), "clip")
        several = table.filter(pl.col("name").is_in(names) & pl.col("name").is_duplicated())["name"].unique()
        if key == "name" and len(several):
            raise UserError(
                f"{where} lists names that several clips bear: {few(several)}; list clip ids instead, such as "
                f"{table.select(pl.col('clip').min()).item()} (corpus/speaker/name, as in a run's split.csv)"
            )
        parts, notes = place(table, listed.rename({"clip": key}), key=key, where=where)
        drawn = not (listed["part"] == "val").any()
        if drawn:
            parts, told = with_val(table, parts, fraction=self.val_fraction, seed=self.seed, where=where)
            notes += told
        check_parts(parts, f"list clips of it in {where}")
        digest = hashlib.blake2b(Path(str(self.file)).expanduser().read_bytes(), digest_size=4).hexdigest()
        return Split(parts, tuple(notes), details=f"{where} {digest}", drawn=drawn)

    def _listed(self) -> tuple[str, pl.DataFrame]:
        """The file's name, and its rows: clip, part (null: in none)."""
        if not self.file:
            raise UserError("split=fixed needs your list, a CSV with the columns clip and part: split.file=FILE.csv")
        file = Path(self.file).expanduser()
        rows = _read(file)
        listed = rows.with_columns(pl.col("part").str.to_lowercase().replace(PART_NAMES))
        unknown = set(listed["part"].unique().drop_nulls()) - set(PARTS)
        problems = [f"{file.name}: a part is train, val or test, not {few(unknown)}"] if unknown else []
        problems += check_list(listed, key="clip", where=file.name)
        if problems:
            raise UserError(problems)
        return file.name, listed


def _read(file: Path) -> pl.DataFrame:
    try:
        rows = read_table(file)
        rows.columns = [name.strip().lower().lstrip("\ufeff") for name in rows.columns]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"split.file={file} is no readable CSV: {str(error).splitlines()[0]}") from error
    missing = [name for name in COLUMNS if name not in rows.columns]
    if missing:
        semicolons = any(";" in name for name in rows.columns)
        near = (did_you_mean(name, rows.columns) for name in missing)
        hints = "".join(hint for hint in near if "did you mean" in hint)
        hints = "; separate the columns by commas" if semicolons else hints
        raise UserError(f"{file.name} needs the columns clip and part; it has {', '.join(rows.columns)}{hints}")
    return rows.select(pl.col(COLUMNS).fill_null("").str.strip_chars())
