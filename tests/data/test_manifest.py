"""Rows in the order of their ids, whatever the order of the disk; one id a clip, as short as tells clips apart."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser_lightning.corpora.base import Utterance
from ser_lightning.corpora.columns import COLUMNS, columns
from ser_lightning.corpora.table import Table
from ser_lightning.data.manifest import to_table
from ser_lightning.errors import UserError


def utterance(path: str, speaker: str = "s", start: float | None = None, emotion: str = "sad") -> Utterance:
    return Utterance(path=Path(path), emotion=emotion, speaker=speaker, corpus="c", start=start)


def ids(*rows: Utterance) -> list[str]:
    table = to_table(columns(rows))
    by_path = dict(zip(zip(table["path"], table["start"], strict=True), table["clip"], strict=True))
    return [by_path[str(row.path), row.start] for row in rows]


def ids_row_by_row(rows: list[Utterance]) -> list[str]:
    """The rule of clip ids, one path at a time: those that clash take one folder more, again and again."""

    def clip(row: Utterance, folders: int) -> str:
        above = row.path.parts[:-1][-folders:] if folders else ()
        segment = "" if row.start is None else f"/{row.start:.12g}"
        return f"{row.corpus}/{row.speaker}/{'/'.join((*above, row.path.stem)).lstrip('/')}{segment}"

    depth = [0] * len(rows)
    for folders in range(1, 1 + max((len(row.path.parts) for row in rows), default=0)):
        listed = [clip(row, n) for row, n in zip(rows, depth, strict=True)]
        times = Counter(listed)
        depth = [folders if times[name] > 1 else n for name, n in zip(listed, depth, strict=True)]
    return [clip(row, n) for row, n in zip(rows, depth, strict=True)]


ROWS = st.lists(
    st.builds(
        Utterance,
        path=st.builds(
            lambda root, folders, name: Path(root, *folders, name),
            st.sampled_from(["/", "d", "//"]),
            st.lists(st.sampled_from("xyz"), max_size=3),
            st.sampled_from(["a.wav", "a.flac", "b.c.wav", ".wav", "a"]),
        ),
        emotion=st.sampled_from(["sad", "happy"]),
        speaker=st.sampled_from(["s", "t", "s/x", ""]),
        corpus=st.sampled_from(["c", "e"]),
        start=st.one_of(st.none(), st.sampled_from([0.0, 0.5, 0.1 + 0.2, 1e-5, 36000.25, 1e13])),
    ),
    max_size=12,
)


@given(rows=ROWS)
def test_ids_by_the_column_are_those_row_by_row(rows: list[Utterance]):
    named = ids_row_by_row(rows)
    if len(set(named)) < len(named):
        with pytest.raises(UserError, match=r"a clip may be listed once"):
            to_table(columns(rows))
    else:
        table = to_table(columns(rows))
        expected = sorted(zip(named, map(str, (row.path for row in rows)), [row.start for row in rows], strict=True))
        assert table.select("clip", "path", "start").rows() == expected
        assert table["clip"].to_list() == sorted(named)


def test_three_rows_of_a_table_worked_by_hand(tmp_path: Path):
    pl.DataFrame(
        {
            "path": ["y//clip.wav", "./x/clip.wav", "/far/talk.wav"],
            "emotion": ["Joy", "sad", "own"],
            "speaker": ["s", "s", "t"],
            "sex": ["F", "f", None],
            "start": [None, None, 2.5],
            "end": [None, None, 4],
        }
    ).write_parquet(tmp_path / "t.parquet")
    table = to_table(Table(root=str(tmp_path), emotions={"own": "ironic"}).scan().clips)
    assert table.columns == ["clip", *COLUMNS]
    assert table.rows() == [
        ("table/s/x/clip", "clip", f"{tmp_path}/x/clip.wav", "table", "s", "female", "", "", "", "sad", None, None),
        ("table/s/y/clip", "clip", f"{tmp_path}/y/clip.wav", "table", "s", "female", "", "", "", "happy", None, None),
        ("table/t/talk/2.5", "talk", "/far/talk.wav", "table", "t", "", "", "", "", "ironic", 2.5, 4.0),
    ]


def test_every_field_is_a_column():
    row = Utterance(
        path=Path("/d/a.wav"),
        emotion="happy",
        speaker="s1",
        corpus="tess",
        sex="female",
        text="Say the word back",
        intensity="strong",
        take="2",
        start=0.5,
        end=1.5,
    )
    assert to_table(columns([row])).rows(named=True) == [
        {
            "clip": "tess/s1/a/0.5",
            "name": "a",
            "path": "/d/a.wav",
            "corpus": "tess",
            "speaker": "s1",
            "sex": "female",
            "text": "Say the word back",
            "intensity": "strong",
            "take": "2",
            "emotion": "happy",
            "start": 0.5,
            "end": 1.5,
        }
    ]


def test_votes_are_columns_where_there_are_any():
    rows = [
        Utterance(path=Path("/d/a.wav"), emotion="sad", speaker="s", corpus="c", votes=(("sad", 0.75), ("calm", 0.25))),
        Utterance(path=Path("/d/b.wav"), emotion="fear", speaker="s", corpus="c", votes=(("fear", 1.0),)),
        Utterance(path=Path("/d/c.wav"), emotion="fear", speaker="s", corpus="c", name="official"),
    ]
    table = to_table(columns(rows))
    assert table.select("name", "vote_calm", "vote_fear", "vote_sad").rows() == [
        ("a", 0.25, 0.0, 0.75),
        ("b", 0.0, 1.0, 0.0),
        ("official", None, None, None),
    ]
    assert list(to_table(columns(rows[2:])).columns) == ["clip", *COLUMNS]


def test_the_order_is_that_of_the_ids_however_the_rows_come():
    rows = [utterance(f"/d/{name}.wav", speaker) for name in "dacb" for speaker in "yx"]
    shuffled = rows[:]
    random.Random(0).shuffle(shuffled)
    table = to_table(columns(rows))
    assert table.equals(to_table(columns(shuffled)))
    assert table["clip"].to_list() == sorted(f"c/{speaker}/{name}" for speaker in "xy" for name in "abcd")


def test_no_rows_make_a_table_of_the_same_columns():
    table = to_table(columns([]))
    assert (table.schema, len(table)) == ({"clip": pl.String, **COLUMNS}, 0)


def test_the_extension_is_no_part_of_an_id_but_any_other_dot_is():
    assert ids(utterance("/d/a.b.flac")) == ["c/s/a.b"]


def test_one_name_under_two_speakers_needs_no_folder():
    assert ids(utterance("/d/x/a.wav", "x"), utterance("/d/y/a.wav", "y")) == ["c/x/a", "c/y/a"]


def test_files_of_one_name_take_the_folders_that_tell_them_apart_and_others_stay_short():
    rows = [
        utterance("/d/1/a.wav"),
        utterance("/d/2/a.wav"),
        utterance("/d/1/deep/b.wav"),
        utterance("/d/2/deep/b.wav"),
        utterance("/d/2/c.wav"),
    ]
    assert ids(*rows) == ["c/s/1/a", "c/s/2/a", "c/s/1/deep/b", "c/s/2/deep/b", "c/s/c"]


def test_folders_may_differ_far_up():
    rows = [utterance(f"/d/{top}/2020/01/02/03/04/a.wav") for top in ("x", "y")]
    assert ids(*rows) == ["c/s/x/2020/01/02/03/04/a", "c/s/y/2020/01/02/03/04/a"]


@pytest.mark.parametrize(
    ("start", "written"), [(0.0, "0"), (0.5, "0.5"), (12.0, "12"), (0.1 + 0.2, "0.3"), (36000.25, "36000.25")]
)
def test_a_segment_bears_its_start(start: float, written: str):
    assert ids(utterance("/d/a.wav", start=start)) == [f"c/s/a/{written}"]


def test_segments_a_hundredth_apart_in_ten_hours_are_two_clips():
    rows = [utterance("/d/a.wav", start=36000.01), utterance("/d/a.wav", start=36000.02), utterance("/d/a.wav")]
    assert ids(*rows) == ["c/s/a/36000.01", "c/s/a/36000.02", "c/s/a"]


def test_the_same_stretch_twice_is_refused_by_name():
    rows = [utterance("/d/a.wav", emotion="sad"), utterance("/d/a.wav", emotion="happy"), utterance("/d/b.wav")]
    with pytest.raises(UserError, match=r"a clip may be listed once, these are listed more often: c/s/d/a$"):
        to_table(columns(rows))


def test_many_clips_listed_twice_are_counted():
    rows = [utterance(f"/d/{name}.wav", emotion=emotion) for name in "abcdefgh" for emotion in ("sad", "happy")]
    with pytest.raises(UserError, match=r"c/s/d/e and 3 more$"):
        to_table(columns(rows))
