"""The user's own table, as spreadsheets and scripts write it; and everything wrong with it told at once, by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import soundfile
from polars.testing import assert_frame_equal

from ser_lightning.corpora.base import Scan, Utterance
from ser_lightning.corpora.columns import columns
from ser_lightning.corpora.table import Table
from ser_lightning.data.clips import load_clips
from ser_lightning.errors import UserError

WriteNoise = Callable[..., npt.NDArray[np.int16]]


def scan(folder: Path, text: str | bytes, **kwargs: Mapping[str, str]) -> Scan:
    file = folder / "table.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Table(root=str(file), **kwargs).scan()  # type: ignore[arg-type]


def problems(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(UserError) as caught:
        scan(folder, text)
    return caught.value.problems


def test_a_row_is_an_utterance(tmp_path: Path):
    found = scan(
        tmp_path,
        "path,emotion,speaker,sex,text,intensity,take,start,end,rating\n"
        "wav/a.wav,happy,s1,F,hello,strong,2,0.5,1.25,9\n"
        "wav/b.wav,calm,,,,,,,,\n",
    )
    both = [
        Utterance(
            path=tmp_path / "wav/a.wav",
            emotion="happy",
            speaker="s1",
            corpus="table",
            sex="female",
            text="hello",
            intensity="strong",
            take="2",
            start=0.5,
            end=1.25,
        ),
        Utterance(path=tmp_path / "wav/b.wav", emotion="calm", speaker="", corpus="table"),
    ]
    assert_frame_equal(found.clips, columns(both))


@pytest.mark.parametrize(
    "text",
    [
        "path,emotion,text\na.wav,angry,\n",
        "\ufeffpath,emotion,text\na.wav,angry,\n",
        '\ufeff"path","emotion","text"\n"a.wav","angry",""\n',
        "PATH,Emotion,TEXT\na.wav,ANGRY,\n",
        " path , emotion ,text\n a.wav , anger , \n",
        "text,emotion,path\n,Anger,a.wav\n",
        "path,emotion,text\r\na.wav,angry,\r\n\r\n",
        "path,emotion,text\n\n  ,,\na.wav,angry,\n\n",
        "path,emotion\na.wav,angry",
    ],
    ids=[
        "plain",
        "BOM",
        "BOM and quotes",
        "upper case",
        "spaces",
        "order",
        "windows",
        "blank lines",
        "no last newline",
    ],
)
def test_spreadsheets_write_csv_in_many_ways(tmp_path: Path, text: str):
    row = Utterance(path=tmp_path / "a.wav", emotion="angry", speaker="", corpus="table")
    assert_frame_equal(scan(tmp_path, text).clips, columns([row]))


def test_quoted_fields_hold_commas_quotes_and_line_breaks(tmp_path: Path):
    found = scan(tmp_path, 'path,emotion,text\n"a, b.wav",sad,"He said ""no"",\nand left"\n')
    assert found.clips.select("path", "text").rows() == [(str(tmp_path / "a, b.wav"), 'He said "no",\nand left')]


def test_letters_of_another_encoding_do_not_stop_the_run(tmp_path: Path):
    found = scan(tmp_path, "path,emotion,text\na.wav,sad,caf\xe9\nb.wav,sad,ok\n".encode("latin-1"))
    assert [Path(path).name for path in found.clips["path"]] == ["a.wav", "b.wav"]


@pytest.mark.parametrize("name", ["table.parquet", "TABLE.PARQUET"])
def test_parquet_with_numbers_and_nulls(tmp_path: Path, name: str):
    pl.DataFrame(
        {
            "Path": ["a.wav", "b.wav"],
            "emotion": ["joy", "sadness"],
            "speaker": [7, None],
            "start": [0.1, None],
            "end": [2, 3],
        }
    ).write_parquet(tmp_path / name)
    clips = Table(root=str(tmp_path / name)).scan().clips
    assert clips.select("name", "emotion", "speaker", "start", "end").rows() == [
        ("a", "happy", "7", 0.1, 2.0),
        ("b", "sad", "", 0.0, 3.0),
    ]


def test_parquet_with_categories_as_pandas_writes_them(tmp_path: Path):
    pl.DataFrame({"path": ["a.wav"], "emotion": pl.Series(["fearful"], dtype=pl.Categorical)}).write_parquet(
        tmp_path / "t.parquet"
    )
    assert Table(root=str(tmp_path / "t.parquet")).scan().clips["emotion"].to_list() == ["fear"]


def test_paths_are_relative_to_the_table_absolute_or_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir("/")
    found = scan(tmp_path, "path,emotion\nsub/a.wav,sad\n/data/b.wav,sad\n~/c.wav,sad\n../d.wav,sad\n")
    assert found.clips["path"].to_list() == [
        f"{tmp_path}/sub/a.wav",
        "/data/b.wav",
        "/home/me/c.wav",
        f"{tmp_path}/../d.wav",
    ]


@pytest.mark.parametrize(
    ("written", "sex"),
    [("m", "male"), ("F", "female"), ("Woman", "female"), ("MALE", "male"), ("w", "female"), ("", ""), ("x", "x")],
)
def test_sex_is_read_in_common_spellings(tmp_path: Path, written: str, sex: str):
    assert scan(tmp_path, f"path,emotion,sex\na.wav,sad,{written}\n").clips["sex"].to_list() == [sex]


def test_own_words_become_known_emotions_or_new_ones(tmp_path: Path):
    found = scan(
        tmp_path,
        "path,emotion\na.wav,joyful\nb.wav,ironic\nc.wav,anger\nd.wav,1\n",
        emotions={"joyful": "happy", "ironic": "ironic", "1": "sad"},
    )
    assert found.clips["emotion"].to_list() == ["happy", "ironic", "angry", "sad"]


def test_an_unknown_emotion_is_told_with_its_row_and_the_nearest_word(tmp_path: Path):
    assert problems(tmp_path, "path,emotion\na.wav,happy\nb.wav,hapy\n") == [
        "table.csv, row 2: unknown emotion 'hapy'; did you mean 'happy'?"
    ]


def test_every_problem_of_every_row_is_told_at_once(tmp_path: Path):
    text = (
        "path,emotion,start,end\n"
        "a.wav,zzz,0,1\n"
        ",sad,0,1\n"
        "c.wav,sad,2,2\n"
        "d.wav,sad,-1,2\n"
        "e.wav,sad,soon,2\n"
        "f.wav,sad,,0\n"
        "g.wav,sad,nan,1\n"
        "h.wav,sad,0,inf\n"
        ",zzz,5,x\n"
        "j.wav,sad,0,1\n"
    )
    assert problems(tmp_path, text) == [
        "table.csv, row 1: unknown emotion 'zzz'",
        "table.csv, row 2: path is empty",
        "table.csv, row 3: a segment needs 0 <= start < end, got start=2 end=2",
        "table.csv, row 4: a segment needs 0 <= start < end, got start=-1 end=2",
        "table.csv, row 5: start must be seconds, got 'soon'",
        "table.csv, row 6: a segment needs 0 <= start < end, got start=0 end=0",
        "table.csv, row 7: start must be seconds, got 'nan'",
        "table.csv, row 8: end must be seconds, got 'inf'",
        "table.csv, row 9: path is empty",
        "table.csv, row 9: unknown emotion 'zzz'",
        "table.csv, row 9: end must be seconds, got 'x'",
    ]


def test_a_thousand_problems_are_cut_to_thirty_lines_and_counted(tmp_path: Path):
    told = problems(tmp_path, "path,emotion\n" + "a.wav,zzz\n" * 1000)
    assert (len(told), told[29][:17], told[30]) == (31, "table.csv, row 30", "and 970 more rows like these")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("path,emotoin\na.wav,sad\n", "it has path, emotoin; did you mean 'emotoin'?"),
        ("file,label\na.wav,sad\n", "it has file, label; choose from file, label"),
        (
            "path,speaker,start\na.wav,sad,0\n",
            "table.csv needs the columns path and emotion; it has path, speaker, start",
        ),
    ],
)
def test_a_missing_column_is_told_with_those_that_are_there(tmp_path: Path, text: str, told: str):
    assert told in "\n".join(problems(tmp_path, text))


def test_two_columns_of_one_name_are_refused(tmp_path: Path):
    assert problems(tmp_path, "path,Path,emotion\na,b,sad\n") == [
        "table.csv has several columns named path (upper case counts as lower)"
    ]


@pytest.mark.parametrize("text", ["", "path,emotion\na.wav,sad,3,4\n"], ids=["empty", "ragged"])
def test_what_is_no_table_is_told_with_its_path(tmp_path: Path, text: str):
    told = problems(tmp_path, text)
    assert len(told) == 1
    assert told[0].startswith(f"{tmp_path}/table.csv is no readable CSV or Parquet table: ")


def test_csv_named_parquet_is_told(tmp_path: Path):
    (tmp_path / "t.parquet").write_text("path,emotion\na.wav,sad\n")
    with pytest.raises(UserError, match=r"t.parquet is no readable CSV or Parquet table"):
        Table(root=str(tmp_path / "t.parquet")).scan()


def test_an_empty_emotion_is_a_bad_row_not_a_class(tmp_path: Path):
    found = scan(tmp_path, "path,emotion,speaker\na.wav,,s1\nb.wav,sad,s1\nc.wav, ,s1\n,,s1\n")
    assert [Path(path).name for path in found.clips["path"]] == ["b.wav"]
    assert found.bad == (
        ("a.wav", "row 1 of table.csv has no emotion"),
        ("c.wav", "row 3 of table.csv has no emotion"),
        ("row 4", "row 4 of table.csv has no emotion"),
    )


def test_rows_that_repeat_another_are_used_once_and_counted(tmp_path: Path):
    found = scan(tmp_path, "path,emotion\na.wav,sad\nb.wav,sad\n a.wav ,sadness\na.wav,sad\n")
    assert [Path(path).name for path in found.clips["path"]] == ["a.wav", "b.wav"]
    assert found.notes == ("2 rows of table.csv repeat another row to the letter; each is used once",)


def test_root_may_be_a_folder_with_one_table(tmp_path: Path):
    (tmp_path / "clips.CSV").write_text("path,emotion\na.wav,sad\n")
    (tmp_path / "notes.txt").touch()
    assert [Path(path) for path in Table(root=str(tmp_path)).scan().clips["path"]] == [tmp_path / "a.wav"]


def test_of_two_tables_one_must_be_named(tmp_path: Path):
    (tmp_path / "a.csv").write_text("path,emotion\na.wav,sad\n")
    pl.DataFrame({"path": ["b.wav"], "emotion": ["sad"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"found a.csv, b.parquet; name it: corpus.table=FILE"):
        Table(root=str(tmp_path))
    assert [Path(path).name for path in Table(root=str(tmp_path), table="b.parquet").scan().clips["path"]] == ["b.wav"]


def test_a_table_alone_is_read_from_where_it_is(tmp_path: Path):
    (tmp_path / "a.csv").write_text("path,emotion\na.wav,sad\n")
    found = Table(table=str(tmp_path / "a.csv"), name="mine").scan()
    assert found.clips.select("path", "corpus").rows() == [(str(tmp_path / "a.wav"), "mine")]


@pytest.mark.parametrize(
    ("root", "table", "told"),
    [
        (None, None, "corpus=table needs your table: corpus.root=FILE.csv"),
        ("", None, "found none; name it: corpus.table=FILE"),
        ("none", None, "found no such folder"),
        ("", "none.csv", "none.csv does not exist"),
    ],
)
def test_a_table_that_is_not_there_is_told_when_the_corpus_is_made(
    tmp_path: Path, root: str | None, table: str | None, told: str
):
    with pytest.raises(UserError, match=re.escape(told)):
        Table(root=None if root is None else str(tmp_path / root), table=table)


def test_two_segments_of_one_file_are_exactly_its_samples(tmp_path: Path, write_noise: WriteNoise):
    samples = write_noise(tmp_path / "long.wav", seconds=1.0)
    text = "path,emotion,start,end\nlong.wav,sad,0.25,0.5\nlong.wav,happy,0.5,\nlong.wav,calm,,0.125\n"
    (tmp_path / "t.csv").write_text(text)
    clips = load_clips(Table(root=str(tmp_path / "t.csv")), cache_dir=tmp_path / "cache", rate=16000, skip_bad=False)
    got = {
        emotion: clips.store.samples.read(offset, length)
        for emotion, offset, length in clips.table.select("emotion", "offset", "length").iter_rows()
    }
    np.testing.assert_array_equal(got["sad"], samples[4000:8000])
    np.testing.assert_array_equal(got["happy"], samples[8000:])
    np.testing.assert_array_equal(got["calm"], samples[:2000])
    assert clips.table["clip"].to_list() == ["table//long/0", "table//long/0.25", "table//long/0.5"]


def test_a_segment_beyond_its_file_is_bad_audio(tmp_path: Path, write_noise: WriteNoise):
    write_noise(tmp_path / "a.wav", seconds=1.0)
    (tmp_path / "t.csv").write_text("path,emotion,start,end\na.wav,sad,0.5,1.5\na.wav,sad,0,0.5\na.wav,sad,7,8\n")
    clips = load_clips(Table(root=str(tmp_path)), cache_dir=tmp_path / "cache", rate=16000, skip_bad=True)
    assert clips.table["length"].to_list() == [8000]
    assert [reason for _, reason in clips.left_out] == [
        "has no segment from 0.5 s to 1.5 s: it lasts 1.000 s",
        "has no segment from 7 s to 8 s: it lasts 1.000 s",
    ]


def test_a_missing_file_is_bad_audio_like_any_other(tmp_path: Path, write_noise: WriteNoise):
    write_noise(tmp_path / "a.wav")
    (tmp_path / "t.csv").write_text("path,emotion\na.wav,sad\nnone.wav,sad\nb.wav,\n")
    table = Table(root=str(tmp_path))
    with pytest.raises(UserError, match="2 of 3 files cannot be used"):
        load_clips(table, cache_dir=tmp_path / "cache", rate=16000, skip_bad=False)
    clips = load_clips(table, cache_dir=tmp_path / "cache", rate=16000, skip_bad=True)
    assert clips.table["clip"].to_list() == ["table//a"]
    assert clips.left_out == (
        ("b.wav", "row 3 of t.csv has no emotion"),
        (f"{tmp_path}/none.wav", "cannot be opened: no such file or directory"),
    )


def test_files_of_one_name_in_several_folders_stay_apart(tmp_path: Path, write_noise: WriteNoise):
    for seed, name in enumerate(("x/a.wav", "y/a.wav", "b.wav")):
        write_noise(tmp_path / name, seed=seed)
    (tmp_path / "t.csv").write_text("path,emotion\nx/a.wav,sad\ny/a.wav,happy\nb.wav,calm\n")
    clips = load_clips(Table(root=str(tmp_path)), cache_dir=tmp_path / "cache", rate=16000, skip_bad=False)
    assert dict(clips.table.select("clip", "emotion").iter_rows()) == {
        "table//x/a": "sad",
        "table//y/a": "happy",
        "table//b": "calm",
    }


@pytest.mark.parametrize(
    ("text", "told"), [("path,emotion\n", "no clip"), ("path,emotion\na.wav,\n", "has no emotion")]
)
def test_a_table_without_a_usable_row_is_told(tmp_path: Path, text: str, told: str):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        load_clips(Table(root=str(tmp_path)), cache_dir=tmp_path / "cache", rate=16000, skip_bad=True)


def test_segments_are_cut_at_the_files_own_rate(tmp_path: Path):
    """A second of 1,000 Hz between seconds of silence, at 48 kHz: only its own segment sounds."""
    time = np.arange(48000) / 48000
    wave = np.concatenate([np.zeros(48000), 0.5 * np.sin(2 * np.pi * 1000 * time), np.zeros(48000)])
    soundfile.write(tmp_path / "a.wav", wave, 48000)
    (tmp_path / "t.csv").write_text("path,emotion,start,end\na.wav,sad,1,2\na.wav,sad,0,1\na.wav,happy,0.5,1.5\n")
    clips = load_clips(Table(root=str(tmp_path)), cache_dir=tmp_path / "cache", rate=16000, skip_bad=True)
    power = {
        name: float(np.mean(np.square(clips.store.samples.read(at, size) / 32768.0)))
        for name, at, size in clips.table.select("clip", "offset", "length").iter_rows()
    }
    assert power == {"table//a/1": pytest.approx(0.125, rel=1e-3), "table//a/0.5": pytest.approx(0.0625, rel=1e-3)}
    assert clips.left_out == ((f"{tmp_path}/a.wav", "is silent throughout (every sample is zero)"),)


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", ".."])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path, name):
    (tmp_path / "clips.csv").write_text("path,emotion\na.wav,sad\n")
    with pytest.raises(UserError, match=r"corpus\.name: the name .* becomes part of a folder's"):
        Table(root=str(tmp_path / "clips.csv"), name=name)
