"""The user's own corpus: a CSV or Parquet file with a row a clip.

Columns: path, emotion; optional speaker, sex, text, intensity, take, start, end (seconds within the file). Paths may
be relative to the table's folder. Everything wrong with the table is told at once, by row.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from annotated_types import MinLen

from ser_lightning.corpora.base import Origin, Scan, check_name
from ser_lightning.corpora.columns import COLUMNS
from ser_lightning.corpora.paths import beneath, ending
from ser_lightning.emotions import SYNONYMS, canonical_emotion
from ser_lightning.errors import UserError, did_you_mean
from ser_lightning.files import read_table

REQUIRED = ("path", "emotion")
TEXT = ("path", "emotion", "speaker", "sex", "text", "intensity", "take")
SECONDS = ("start", "end")
START, END = pl.col("start_seconds"), pl.col("end_seconds")
NO_SEGMENT = START.is_nan() | END.is_nan() | (START < 0) | (START.fill_null(0.0) >= END)
"""Where a row's seconds are no stretch of a file; NaN is what could not be read as seconds."""
SEX = {
    "m": "male",
    "male": "male",
    "man": "male",
    "f": "female",
    "female": "female",
    "w": "female",
    "woman": "female",
}
MOST_PROBLEMS = 30


@dataclass(frozen=True, kw_only=True)
class Table:
    """The clips of a table.

    `root` is the table itself, or a folder that holds it; `table` names the file where the folder holds several.
    `emotions` maps words of the table to canonical emotions or to new ones: `{joyful: happy, ironic: ironic}`.
    """

    root: str | None = None
    table: str | None = None
    name: Annotated[str, MinLen(1)] = "table"
    emotions: Mapping[str | int, str] | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "corpus.name")
        self._file()

    def scan(self) -> Scan:
        """List the rows; raises UserError with all that is wrong with them."""
        file = self._file()
        rows = _read(file)
        labelled = pl.col("emotion") != ""
        bad = rows.filter(~labelled).select(
            pl.when(pl.col("path") == "").then(pl.format("row {}", "row")).otherwise("path"),
            reason=pl.format("row {} of {} has no emotion", "row", pl.lit(file.name)),
        )
        clips = self._clips(rows.filter(labelled), file)
        once = clips.unique(maintain_order=True)
        again = len(clips) - len(once)
        notes = (f"{again} rows of {file.name} repeat another row to the letter; each is used once",) if again else ()
        origin = Origin(corpus=self.name, title=f"the table {file.name}", labels="as in the table")
        return Scan(clips=once, origins=(origin,), notes=notes, bad=tuple(bad.iter_rows()))

    def _clips(self, rows: pl.DataFrame, file: Path) -> pl.DataFrame:
        known, unknown = self._emotions(rows["emotion"].unique())
        timed = rows.with_columns(_seconds("start"), _seconds("end")).with_columns(no_segment=NO_SEGMENT)
        _check(timed, unknown, file.name)
        return (
            timed.with_columns(beneath(file.parent, rows["path"]))
            .with_columns(
                name=ending(pl.col("path"), folders=0),
                corpus=pl.lit(self.name),
                sex=pl.col("sex").str.to_lowercase().replace(SEX),
                emotion=pl.col("emotion").replace(known),
                start=pl.when(END.is_not_null()).then(START.fill_null(0.0)).otherwise(START),
                end=END,
            )
            .select(*COLUMNS)
        )

    def _emotions(self, words: Iterable[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
        """What the words of the table mean; and why others mean nothing."""
        own = {str(word): SYNONYMS.get(name.lower(), name.lower()) for word, name in (self.emotions or {}).items()}
        known, unknown = {}, {}
        for word in words:
            try:
                known[word] = own.get(word) or canonical_emotion(word)
            except UserError as error:
                unknown[word] = error.problems
        return known, unknown

    def _file(self) -> Path:
        root = Path(self.root).expanduser() if self.root else Path()
        if self.table or (self.root and root.is_file()):
            file = root / Path(self.table).expanduser() if self.table else root
            if not file.is_file():
                raise UserError(f"corpus.table must be a CSV or Parquet file: {file} does not exist")
            return file
        if not self.root:
            raise UserError("corpus=table needs your table: corpus.root=FILE.csv (or .parquet)")
        entries = sorted(root.iterdir()) if root.is_dir() else []
        found = [file for file in entries if file.suffix.lower() in (".csv", ".parquet")]
        if len(found) != 1:
            seen = ", ".join(file.name for file in found) or ("none" if root.exists() else "no such folder")
            raise UserError(
                f"corpus.root={root} must be one table (CSV or Parquet) or hold one; found {seen}; "
                "name it: corpus.table=FILE"
            )
        return found[0]


def _seconds(name: str) -> pl.Expr:
    """A column of seconds made of text: null where empty, NaN where it is no finite number."""
    seconds = pl.col(name).cast(pl.Float64, strict=False)
    finite = pl.when(seconds.is_finite()).then(seconds).otherwise(math.nan)
    return pl.when(pl.col(name) != "").then(finite).alias(f"{name}_seconds")


def _check(rows: pl.DataFrame, unknown: Mapping[str, list[str]], file: str) -> None:
    """Raise UserError with all that is wrong with any row; `unknown` says why of emotions that mean nothing."""
    wrong = rows.filter((pl.col("path") == "") | pl.col("emotion").is_in(list(unknown)) | pl.col("no_segment"))
    problems = [
        f"{file}, row {row['row']}: {problem}"
        for row in wrong.iter_rows(named=True)
        for problem in _problems(row, unknown)
    ]
    more = len(problems) - MOST_PROBLEMS
    if problems:
        raise UserError(problems[:MOST_PROBLEMS] + ([f"and {more} more rows like these"] if more > 0 else []))


def _problems(row: Mapping[str, Any], unknown: Mapping[str, list[str]]) -> Iterator[str]:
    if not row["path"]:
        yield "path is empty"
    yield from unknown.get(row["emotion"], ())
    odd = [name for name in SECONDS if math.isnan(row[f"{name}_seconds"] or 0.0)]
    if odd:
        yield f"{odd[0]} must be seconds, got {row[odd[0]]!r}"
    elif row["no_segment"]:
        yield f"a segment needs 0 <= start < end, got start={row['start'] or 0} end={row['end']}"


def _read(file: Path) -> pl.DataFrame:
    """The rows that say anything, counted from 1, with the columns that are used as trimmed text.

    Words that are not there are empty, seconds that are not there null.
    """
    try:
        rows = pl.read_parquet(file, glob=False) if file.suffix.lower() == ".parquet" else read_table(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{file} is no readable CSV or Parquet table: {str(error).splitlines()[0]}") from error
    names = [name.strip().lower().lstrip("\ufeff") for name in rows.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"{file.name} has several columns named {', '.join(twice)} (upper case counts as lower)")
    rows.columns = names
    missing = [name for name in REQUIRED if name not in rows.columns]
    if missing:
        hints = "".join(did_you_mean(name, rows.columns) for name in missing)
        raise UserError(f"{file.name} needs the columns path and emotion; it has {', '.join(rows.columns)}{hints}")
    words = {name: pl.col(name).cast(pl.String).str.strip_chars() for name in (*TEXT, *SECONDS) if name in names}
    absent = {name: pl.lit(None, pl.String) for name in (*TEXT, *SECONDS) if name not in names}
    told = rows.select(**words, **absent).with_row_index("row", offset=1)
    return told.filter(pl.any_horizontal(pl.col(*words) != "")).with_columns(pl.col(TEXT).fill_null(""))
