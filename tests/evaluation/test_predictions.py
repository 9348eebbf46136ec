"""A predictions table is on disk what it was in memory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

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


def test_fields_that_others_leave_empty_are_empty_text(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text("clip,speaker,sex,duration,label,prediction,p_calm,p_sad\n1,,,1.5,calm,sad,0.25,0.75\n")
    table = read_predictions(path)
    assert table.row(0) == ("1", "", "", 1.5, "calm", "sad", 0.25, 0.75)
    assert table.dtypes == [pl.String] * 3 + [pl.Float64] + [pl.String] * 2 + [pl.Float32] * 2
