"""A predictions table is on disk what it was in memory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import predictions_table, read_predictions, write_predictions

LABELS = ("angry", "happy", "sad")


@pytest.fixture
def clips():
    return pl.DataFrame(
        {
            "clip": ["c/ann/1", "c/ann/2", "c/007/3"],
            "corpus": ["c", "c", "c"],
            "speaker": ["ann", "", "007"],
            "sex": ["female", "", "male"],
            "text": ['he said, "no"', "two\nlines", "1.50"],
            "intensity": ["", "strong", "02"],
            "seconds": [1.5, 0.1 + 0.2, 2.0],
            "label": ["sad", "happy", "angry"],
            "emotion": ["sad", "happy", "angry"],
        }
    )


def test_the_columns_and_their_order(clips):
    p = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.3, 0.4, 0.3]])
    table = predictions_table(clips, p, LABELS)
    about = ["clip", "corpus", "speaker", "sex", "text", "intensity", "duration", "label", "prediction"]
    assert table.columns == [*about, "p_angry", "p_happy", "p_sad"]
    assert table["prediction"].to_list() == ["sad", "angry", "happy"]
    assert table["duration"].to_list() == clips["seconds"].to_list()
    assert table.select(pl.col("^p_.*$")).dtypes == [pl.Float32] * 3
    np.testing.assert_array_equal(table.select(pl.col("^p_.*$")).to_numpy(), p.astype(np.float32))


def test_of_equal_probabilities_the_first_class_is_predicted(clips):
    table = predictions_table(clips, np.array([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4], [1 / 3, 1 / 3, 1 / 3]]), LABELS)
    assert table["prediction"].to_list() == ["angry", "happy", "angry"]


def test_a_table_comes_back_from_disk_bit_by_bit(clips, tmp_path):
    """Numbers that look like text stay text; float32 at its finest stays what it is."""
    p = np.array([[1 / 3, 1e-42, 0.7], [0.1, np.nextafter(np.float32(0.1), np.float32(1)), 0.0], [1.0, 0.0, 0.0]])
    soft = np.array([[1 / 3, 1 / 3, 1 / 3], [1, 0, 0], [0.1, 0.2, 0.7]], dtype=np.float32)
    table = predictions_table(clips, p, LABELS, soft)
    path = tmp_path / "test.csv"
    write_predictions(path, table)
    assert_frame_equal(read_predictions(path), table, check_exact=True)
    assert [file.name for file in tmp_path.iterdir()] == ["test.csv"]


def test_a_table_without_clips_comes_back(clips, tmp_path):
    table = predictions_table(clips.clear(), np.zeros((0, 3)), LABELS)
    write_predictions(tmp_path / "val.csv", table)
    assert_frame_equal(read_predictions(tmp_path / "val.csv"), table)


HEADER = "clip,corpus,speaker,sex,text,intensity,duration,label,prediction,p_calm,p_sad"


def test_fields_that_others_leave_empty_are_empty_text(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text(f"{HEADER}\n1,,,,,,1.5,calm,sad,0.25,0.75\n")
    table = read_predictions(path)
    assert table.row(0) == ("1", "", "", "", "", "", 1.5, "calm", "sad", 0.25, 0.75)
    assert table.dtypes == [pl.String] * 6 + [pl.Float64] + [pl.String] * 2 + [pl.Float32] * 2


def test_labels_and_folders_of_any_characters_come_back(clips, tmp_path):
    """Polars alone leaves quotes within the names of columns doubled, and takes brackets for a pattern."""
    labels = ('c"d', '"', "a,b")
    table = predictions_table(clips.with_columns(label=pl.Series(labels)), np.full((3, 3), 1 / 3), labels)
    path = tmp_path / "runs [1]" / "lr=0.1,*" / "test.csv"
    write_predictions(path, table)
    assert_frame_equal(read_predictions(path, labels), table, check_exact=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", r"test\.csv cannot be read"),
        ("label,p_calm,p_sad\ncalm,1,0\n", "has no column clip, corpus, speaker, sex, text, intensity, duration, pred"),
        (f"{HEADER}\n1,c,a,f,t,,1.5,calm,angry,1,0\n", "prediction 'angry' is none of calm, sad"),
        (f"{HEADER}\n1,c,a,f,t,,1.5,,sad,0,1\n", "label '' is none of calm, sad"),
        (f"{HEADER}\n1,c,a,f,t,,1.5,calm,sad,x,1\n", "csv: p_calm must be from 0 to 1 in every row"),
        (f"{HEADER}\n1,c,a,f,t,,1.5,calm,sad,0,NaN\n", "csv: p_sad must be from 0 to 1 in every row"),
        (f"{HEADER}\n1,c,a,f,t,,1.5,calm,sad,0,\n", "csv: p_sad must be from 0 to 1 in every row"),
        (f"{HEADER}\n1,c,a,f,t,,1.5,calm,sad,-1,2\n", "p_calm must be .*; p_sad must be"),
        (f"{HEADER}\n1,c,a,f,t,,inf,calm,sad,0,1\n", "duration must be seconds in every row"),
        (f"{HEADER}\n1,c,a,f,t,,calm\n", "is none of calm, sad"),
    ],
)
def test_a_table_that_cannot_be_scored_is_told_of(tmp_path, text, why):
    (tmp_path / "test.csv").write_text(text)
    with pytest.raises(UserError, match=why) as told:
        read_predictions(tmp_path / "test.csv", ("calm", "sad"))
    assert len(told.value.problems) == 1
    assert str(tmp_path / "test.csv") in str(told.value)
    assert str(told.value).endswith("train or evaluate the run again, or name another")
