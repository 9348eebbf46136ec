"""A table read by the column says what reading it row by row would say."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ser_lightning.corpora.base import Utterance
from ser_lightning.corpora.columns import columns
from ser_lightning.corpora.table import Table
from ser_lightning.errors import UserError

EMOTIONS = {"Joy": "happy", "SAD": "sad", "ours": "ironic"}
SEXES = {"F": "female", "man": "male", "Other": "other"}
EMPTY = st.sampled_from([None, "", " "])
FIELDS = {
    "path": st.sampled_from(["a.wav", "x/a.wav", " ./x//a.wav ", "/d/b.c.wav", "../b.wav"]),
    "emotion": st.sampled_from(list(EMOTIONS)),
    "speaker": st.sampled_from(["s", "t"]),
    "sex": st.sampled_from(list(SEXES)),
    "start": st.sampled_from(["0", "0.5", " 1e-5 ", "2."]),
    "end": st.sampled_from(["2.5", "36000.25"]),
}
RIGHT = st.fixed_dictionaries(
    {name: words if name == "path" else EMPTY | words for name, words in FIELDS.items()}
) | st.fixed_dictionaries(dict.fromkeys(FIELDS, EMPTY))
WRONG = st.fixed_dictionaries(FIELDS | {"start": st.sampled_from(["soon", "nan", "-1", "9", ""])})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows") / "t.parquet"


def write(file: Path, rows: list[dict[str, str | None]]) -> Table:
    pl.DataFrame(rows, schema=dict.fromkeys(FIELDS, pl.String)).write_parquet(file)
    return Table(root=str(file), emotions={"ours": "ironic"})


def utterance(row: dict[str, str], folder: Path) -> Utterance:
    start, end = (float(row[name]) if row[name] else None for name in ("start", "end"))
    return Utterance(
        path=folder / row["path"],
        emotion=EMOTIONS[row["emotion"]],
        speaker=row["speaker"],
        corpus="table",
        sex=SEXES.get(row["sex"], ""),
        start=0.0 if start is None and end is not None else start,
        end=end,
    )


@given(rows=st.lists(RIGHT, max_size=12))
def test_clips_and_what_is_noticed_are_those_of_each_row(file: Path, rows: list[dict[str, str | None]]):
    trimmed = [{name: (text or "").strip() for name, text in row.items()} for row in rows]
    said = [(number, row) for number, row in enumerate(trimmed, start=1) if any(row.values())]
    listed = [utterance(row, file.parent) for _, row in said if row["emotion"]]
    once = list(dict.fromkeys(listed))
    again = len(listed) - len(once)
    found = write(file, rows).scan()
    assert_frame_equal(found.clips, columns(once))
    assert found.bad == tuple(
        (row["path"] or f"row {number}", f"row {number} of t.parquet has no emotion")
        for number, row in said
        if not row["emotion"]
    )
    told = (f"{again} rows of t.parquet repeat another row to the letter; each is used once",)
    assert found.notes == (told if again else ())


@given(rows=st.lists(RIGHT | WRONG, max_size=12))
def test_segments_that_are_none_are_told_by_row(file: Path, rows: list[dict[str, str | None]]):
    expected = []
    for number, row in enumerate(rows, start=1):
        start = (row["start"] or "").strip()
        if start in ("soon", "nan"):
            expected.append(f"t.parquet, row {number}: start must be seconds, got '{start}'")
        elif start == "-1" or (start == "9" and row["end"] == "2.5"):
            problem = f"a segment needs 0 <= start < end, got start={start} end={row['end']}"
            expected.append(f"t.parquet, row {number}: {problem}")
    told: list[str] = []
    try:
        write(file, rows).scan()
    except UserError as error:
        told = error.problems
    assert told == expected
