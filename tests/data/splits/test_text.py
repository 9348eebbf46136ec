"""Disjoint sentences: which texts go where, and tables without enough of them."""

from __future__ import annotations

import polars as pl
import pytest

from ser_lightning.data.parts import PARTS
from ser_lightning.data.splits.text import Text
from ser_lightning.errors import UserError


def test_tess_is_130_30_and_40_words_with_every_emotion_in_proportion(shaped, cut):
    made = cut(Text(), shaped["tess"])
    assert [len(made.of("text", part)) for part in PARTS] == [130, 30, 40]
    assert made.sizes() == (1820, 420, 560)
    assert set(made.count("label", part="test").values()) == {80}
    assert made.split.notes == ("of 200 texts 40 are test, 30 val, 130 train",)


def test_emodb_is_6_2_and_2_sentences_of_all_speakers(shaped, cut):
    made = cut(Text(), shaped["emodb"])
    assert [len(made.of("text", part)) for part in PARTS] == [6, 2, 2]
    assert made.of("speaker", "test") == made.of("speaker", "train")


def test_labels_are_even_where_texts_are_not(table, cut):
    """Six of twelve texts are only ever sad: a part of two holds one of them."""
    rows = [("s", "", f"t{n}", "sad" if n < 6 else "happy") for n in range(12) for _ in range(5)]
    for seed in range(6):
        made = cut(Text(seed=seed), table(rows))
        assert made.count("label", part="test") == {"sad": 5, "happy": 5}
        assert made.count("label", part="val") == {"sad": 5, "happy": 5}


def test_a_text_is_the_same_in_any_case_and_corpus(table, cut):
    texts = ("Dogs", "Kids", "Birds", "Cats")
    clips = pl.concat(
        [
            table([("s", "", text, "sad") for text in texts], "one"),
            table([("s", "", f" {text.upper()} ", "sad") for text in texts], "two"),
        ]
    )
    for seed in range(6):
        made = cut(Text(seed=seed), clips).table.with_columns(pl.col("text").str.strip_chars().str.to_lowercase())
        assert made.group_by("text").agg(pl.col("part").n_unique())["part"].to_list() == [1] * 4


def test_ravdess_has_two_texts_which_is_too_few(shaped):
    with pytest.raises(UserError) as refused:
        Text().split(shaped["ravdess"])
    assert refused.value.problems == [
        "split=text needs at least 3 texts, one for each part; the data has 2 (dogs, kids); use split=speaker"
    ]


def test_texts_that_share_audio_count_as_one(table):
    clips = table([("s", "", f"t{n}", "sad", "same" if n < 3 else "") for n in range(4)])
    with pytest.raises(UserError, match=r"the data has 2 that share no audio \(t0, t1, t2 and 1 more\)"):
        Text().split(clips)


def test_a_clip_without_text_is_refused_by_name(table):
    clips = table([("s", "", text, "sad") for text in ("a", "b", "c", " ")])
    with pytest.raises(UserError, match="1 have none, such as c/s/0003; add a text column, or use split=random"):
        Text().split(clips)


def test_some_text_must_be_left_for_training(table):
    clips = table([("s", "", text, "sad") for text in "abcd"])
    with pytest.raises(UserError, match="3 test and 1 val texts leave none of 4 for training; ask for fewer"):
        Text(test_fraction=0.75).split(clips)
