"""The user's own corpus: a CSV or Parquet file with a row a clip.

Columns: path, emotion; optional speaker, sex, text, intensity, take, start, end (seconds within the file). Paths may
be relative to the table's folder. Everything wrong with the table is told at once, by row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import polars as pl
from annotated_types import MinLen

from ser_lightning.corpora.base import Origin, Scan, Utterance, check_name
from ser_lightning.emotions import SYNONYMS, canonical_emotion
from ser_lightning.errors import UserError, did_you_mean
from ser_lightning.files import read_table

REQUIRED = ("path", "emotion")
TEXT = ("path", "emotion", "speaker", "sex", "text", "intensity", "take")
SECONDS = ("start", "end")
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
        problems: list[str] = []
        bad: list[tuple[str, str]] = []
        utterances = []
        for number, row in enumerate(rows.iter_rows(named=True), start=1):
            if not any(row.values()):
                continue
            if not row["emotion"]:
                bad.append((row["path"] or f"row {number}", f"row {number} of {file.name} has no emotion"))
                continue
            try:
                utterances.append(self._utterance(row, file.parent))
            except UserError as error:
                problems.extend(f"{file.name}, row {number}: {text}" for text in error.problems)
        if problems:
            more = (
                [f"and {len(problems) - MOST_PROBLEMS} more rows like these"] if len(problems) > MOST_PROBLEMS else []
            )
            raise UserError(problems[:MOST_PROBLEMS] + more)
        once = dict.fromkeys(utterances)
        again = len(utterances) - len(once)
        notes = (f"{again} rows of {file.name} repeat another row to the letter; each is used once",) if again else ()
        origin = Origin(corpus=self.name, title=f"the table {file.name}", labels="as in the table")
        return Scan(utterances=tuple(once), origins=(origin,), notes=notes, bad=tuple(bad))

    def _utterance(self, row: dict[str, str | None], folder: Path) -> Utterance:
        words = {name: row.get(name) or "" for name in TEXT}
        own = {str(word): SYNONYMS.get(name.lower(), name.lower()) for word, name in (self.emotions or {}).items()}
        problems = [] if words["path"] else ["path is empty"]
        emotion = words.pop("emotion")
        try:
            emotion = own.get(emotion) or canonical_emotion(emotion)
        except UserError as error:
            problems += error.problems
        try:
            start, end = _segment(row.get("start"), row.get("end"))
        except UserError as error:
            problems += error.problems
        if problems:
            raise UserError(problems)
        path = folder / Path(words.pop("path")).expanduser()
        sex = words.pop("sex").lower()
        return Utterance(
            path=path,
            emotion=emotion,
            speaker=words["speaker"],
            corpus=self.name,
            sex=SEX.get(sex, sex),
            text=words["text"],
            intensity=words["intensity"],
            take=words["take"],
            start=start,
            end=end,
        )

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


def _segment(start: str | None, end: str | None) -> tuple[float | None, float | None]:
    """Start and end in seconds; both None for the whole file."""
    first, last = _seconds("start", start), _seconds("end", end)
    if (first or 0.0) < 0 or (last is not None and last <= (first or 0.0)):
        raise UserError(f"a segment needs 0 <= start < end, got start={start or 0} end={end}")
    return (0.0 if first is None and last is not None else first), last


def _seconds(name: str, text: str | None) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise UserError(f"{name} must be seconds, got {text!r}")
    return seconds


def _read(file: Path) -> pl.DataFrame:
    """The table with lower-case column names, and the columns that are used as trimmed text."""
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
    used = [name for name in (*TEXT, *SECONDS) if name in rows.columns]
    return rows.select(pl.col(used).cast(pl.String).str.strip_chars())
