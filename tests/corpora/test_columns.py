"""Utterances as columns, and the columns of several corpora as one frame."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ser_lightning.corpora.base import Utterance
from ser_lightning.corpora.columns import COLUMNS, columns, together


def voted(corpus: str, *votes: tuple[tuple[str, float], ...]) -> pl.DataFrame:
    rows = [
        Utterance(path=Path(f"/{corpus}/{n}.wav"), emotion="sad", speaker="s", corpus=corpus, votes=shares)
        for n, shares in enumerate(votes)
    ]
    return columns(rows)


def test_rows_stay_in_their_order_and_an_unnamed_one_bears_its_files_name():
    rows = [
        Utterance(path=Path("/d/b.c.wav"), emotion="sad", speaker="s", corpus="x", start=0.5),
        Utterance(path=Path("a.wav"), emotion="calm", speaker="t", corpus="x", name="official", end=2.0),
    ]
    clips = columns(rows)
    assert clips.schema == COLUMNS
    assert clips.select("name", "path", "emotion", "start", "end").rows() == [
        ("b.c", "/d/b.c.wav", "sad", 0.5, None),
        ("official", "a.wav", "calm", None, 2.0),
    ]


def test_no_rows_have_the_same_columns():
    assert (columns([]).schema, len(columns([]))) == (COLUMNS, 0)


def test_who_voted_at_all_gave_nothing_to_what_only_another_corpus_asks_for():
    one = voted("one", (("sad", 1.0),), ())
    other = voted("other", (("calm", 0.25), ("fear", 0.75)))
    clips = together([one, voted("none", ()), other])
    assert clips.columns == [*COLUMNS, "vote_calm", "vote_fear", "vote_sad"]
    assert clips.select("corpus", "vote_calm", "vote_fear", "vote_sad").rows() == [
        ("one", 0.0, 0.0, 1.0),
        ("one", None, None, None),
        ("none", None, None, None),
        ("other", 0.25, 0.75, 0.0),
    ]


def test_corpora_without_votes_stay_without():
    assert together([voted("a", ()), voted("b", (), ())]).schema == COLUMNS
