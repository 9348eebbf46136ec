"""The clips to decode are columns; a worker gets its rows of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ser_lightning.data.sources import SCHEMA, Source, sources, whole_files


def test_they_take_segments_and_all_copies_of_their_file():
    table = pl.DataFrame({"path": ["b", "a", "b"], "start": [None, None, 0.5], "end": [None, None, 1.0], "clip": "x"})
    pairs = [(Path("a"), Path("x/a")), (Path("c"), Path("x/c")), (Path("a"), Path("y/a"))]
    made = sources(table, pairs)
    assert made.table.schema == SCHEMA
    assert made.rows(0, len(made)) == [
        Source(path="b"),
        Source(path="a", copies=("x/a", "y/a")),
        Source(path="b", start=0.5, end=1.0),
    ]


def test_rows_end_where_the_clips_do():
    made = whole_files(["a", "b", "c"])
    assert made.table.schema == SCHEMA
    assert [source.path for first in (0, 2, 4) for source in made.rows(first, first + 2)] == ["a", "b", "c"]


def test_none_are_none():
    assert len(whole_files([])) == 0
    assert whole_files([]).rows(0, 16) == []
