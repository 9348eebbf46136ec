"""The clips that are heard again are those of the test part, with what the run knew and predicted of them."""

import shutil

import numpy as np
import polars as pl
import pytest

from ser_lightning.data.audio import read_clip
from ser_lightning.errors import UserError
from ser_lightning.evaluation.runs import read_finished
from ser_lightning.tested_clips import hear_test_part

P = ["p_angry", "p_sad", "p_neutral"]


@pytest.fixture
def heard(tiny_run, tmp_path):
    """`heard(most, change)`: the clips of a copy of the run whose test predictions a function has changed."""

    def hear(most, change=lambda table: table):
        run_dir = tmp_path / "run"
        shutil.copytree(tiny_run, run_dir, dirs_exist_ok=True)
        table = change(pl.read_csv(tiny_run / "predictions" / "test.csv", infer_schema_length=None))
        table.write_csv(run_dir / "predictions" / "test.csv")
        metrics = (run_dir / "metrics.json").read_text().replace('"clips": 12', f'"clips": {len(table)}')
        (run_dir / "metrics.json").write_text(metrics)
        places = {"data_dir": str(tmp_path), "cache_dir": str(tmp_path)}
        return table, hear_test_part(read_finished(run_dir), places, most=most, rate=16000)

    return hear


def test_all_of_them_in_the_order_of_the_table(heard, tone_corpus):
    table, clips = heard(100)
    assert clips.truth == [("angry", "sad", "neutral").index(label) for label in table["label"]]
    np.testing.assert_allclose(clips.predicted, table.select(P).to_numpy(), atol=1e-7)
    name = table["clip"][5].rsplit("/", 1)[1]
    assert clips.sounds[5].tolist() == read_clip(tone_corpus.parent / f"{name}.wav", 16000).samples.tolist()


def test_some_of_them_are_always_the_same(heard):
    (_, few), (_, again) = heard(4), heard(4)
    assert len(few.sounds) == len(few.truth) == 4
    np.testing.assert_array_equal(few.predicted, again.predicted)
    assert len(np.unique(few.predicted, axis=0)) == 4


def test_long_clips_are_passed_over(heard):
    first = pl.int_range(pl.len()) == 0
    table, clips = heard(100, lambda t: t.with_columns(duration=pl.when(first).then(61.0).otherwise("duration")))
    np.testing.assert_allclose(clips.predicted, table[1:].select(P).to_numpy(), atol=1e-7)


def test_none_is_told(heard):
    with pytest.raises(UserError, match="none of the 12 test clips can be read"):
        heard(100, lambda t: t.with_columns(clip=pl.format("gone/{}", "clip")))
