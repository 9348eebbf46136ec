"""Disjoint speakers: how many go where, how even they are, and what two speakers are good for."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest

from ser_lightning.data.parts import PARTS
from ser_lightning.data.splits.speaker import Speaker
from ser_lightning.errors import UserError

EIGHT = ("angry", "disgust", "fear", "happy", "sad", "surprise", "calm")


@pytest.mark.parametrize("seed", range(6))
def test_24_actors_are_15_4_and_5_with_both_sexes_in_each_and_labels_in_proportion(shaped, cut, seed):
    made = cut(Speaker(seed=seed), shaped["ravdess"])
    assert [len(made.of("speaker", part)) for part in PARTS] == [15, 4, 5]
    assert made.sizes() == (900, 240, 300)
    for part, females in (("train", (7, 8)), ("val", (2,)), ("test", (2, 3))):
        sexes = made.table.filter(part=part).group_by("sex").agg(pl.col("speaker").n_unique())
        assert dict(sexes.iter_rows())["female"] in females
    assert made.count("label", part="test") == dict.fromkeys(EIGHT, 40) | {"neutral": 20}


def test_uneven_speakers_are_chosen_so_that_labels_stay_in_proportion(table, cut):
    """Of ten speakers five are never sad: a part of two holds one of them."""
    rows = [
        (f"s{speaker}", "", "", label)
        for speaker in range(10)
        for label in ["happy"] * 6 + (["sad"] * 6 if speaker < 5 else ["happy"] * 6)
    ]
    for seed in range(6):
        made = cut(Speaker(seed=seed), table(rows))
        assert made.count("label", part="test") == {"happy": 18, "sad": 6}
        assert made.count("label", part="val") == {"happy": 18, "sad": 6}


@pytest.mark.parametrize(("speakers", "test", "val"), [(3, 1, 1), (4, 1, 1), (10, 2, 2), (91, 18, 14)])
def test_how_many_speakers_go_where(table, cut, speakers, test, val):
    made = cut(Speaker(), table([(f"s{speaker}", "", "", "sad") for speaker in range(speakers) for _ in range(3)]))
    assert [len(made.of("speaker", part)) for part in PARTS] == [speakers - test - val, val, test]


@pytest.mark.parametrize("name", ["YAF", "tess/YAF"])
def test_tess_tests_the_speaker_that_is_named(shaped, cut, name):
    made = cut(Speaker(test_speakers=[name]), shaped["tess"])
    assert made.sizes() == (1190, 210, 1400)
    assert made.of("speaker", "test") == {"YAF"}
    assert [len(made.of("text", part)) for part in PARTS] == [170, 30, 200]
    assert not made.of("text", "train") & made.of("text", "val")
    assert made.split.notes == ("2 speakers: tess/YAF is tested; val is cut from tess/OAF, who is trained on, by text",)


def test_of_two_speakers_the_seed_draws_the_tested_one(shaped, cut):
    tested = {tuple(cut(Speaker(seed=seed), shaped["tess"]).of("speaker", "test")) for seed in range(8)}
    assert tested == {("OAF",), ("YAF",)}


def test_of_two_speakers_without_texts_val_is_cut_by_clip(table):
    clips = table([(speaker, "", "", "sad") for speaker in "ab" for _ in range(20)])
    split = Speaker(test_speakers=["a"]).split(clips)
    assert Counter(split.parts) == {"test": 20, "val": 3, "train": 17}
    assert split.notes[0].endswith(
        "val is cut from c/b, who is trained on, by clip, as there are no texts to tell apart"
    )


def test_of_two_speakers_texts_that_share_audio_go_together(table, cut):
    rows = [("b", "", "t", "sad")] + [("a", "", f"t{number}", "sad", f"pair{number // 2}") for number in range(12)]
    for seed in range(12):
        made = cut(Speaker(seed=seed, test_speakers=["b"], val_fraction=0.4), table(rows))
        assert made.table.group_by("recording").agg(pl.col("part").n_unique())["part"].max() == 1
        assert set(made.table["part"]) == set(PARTS)


def test_speakers_are_fixed_by_name(shaped, cut):
    for seed in range(4):
        splitter = Speaker(seed=seed, test_speakers=["actor07", "ravdess/actor20"], val_speakers=["actor01"])
        made = cut(splitter, shaped["ravdess"])
        assert made.of("speaker", "test") == {"actor07", "actor20"}
        assert made.of("speaker", "val") == {"actor01"}
        assert len(made.of("speaker", "train")) == 21


def test_val_alone_may_be_fixed(shaped, cut):
    made = cut(Speaker(val_speakers=["actor01", "actor02"]), shaped["ravdess"])
    assert made.of("speaker", "val") == {"actor01", "actor02"}
    assert len(made.of("speaker", "test")) == 5


def test_speakers_that_share_a_recording_stay_together(table, cut):
    rows = [(f"s{speaker}", "", "", "sad") for speaker in range(6) for _ in range(5)]
    rows += [("s1", "", "", "sad", "shared"), ("s4", "", "", "sad", "shared")]
    for seed in range(10):
        made = cut(Speaker(seed=seed), table(rows)).table
        assert made.filter(pl.col("speaker").is_in(["s1", "s4"]))["part"].n_unique() == 1
    assert cut(Speaker(test_speakers=["s4"]), table(rows)).of("speaker", "test") == {"s1", "s4"}


@pytest.mark.parametrize(
    ("splitter", "told"),
    [
        (Speaker(test_speakers=["yaf"]), "split.test_speakers: no clip is of speaker 'yaf'; did you mean 'YAF'"),
        (Speaker(test_speakers=["crema/YAF"]), "no clip is of speaker 'crema/YAF'; choose from OAF, YAF"),
        (Speaker(val_speakers=["OA"]), "split.val_speakers: no clip is of speaker 'OA'; did you mean 'OAF'?"),
        (Speaker(test_speakers=["YAF", "OAF"]), "with 2 speakers name one in split.test_speakers"),
        (Speaker(val_speakers=["OAF"]), "val is cut from the other by text"),
        (Speaker(test_speakers=["YAF"], val_speakers=["tess/YAF"]), "split.val_speakers share tess/YAF"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_choice_of_speakers_is_told(shaped, splitter, told):
    with pytest.raises(UserError) as refused:
        splitter.split(shaped["tess"])
    assert told in str(refused.value)


def test_every_unknown_speaker_is_told_at_once(shaped):
    with pytest.raises(UserError) as refused:
        Speaker(test_speakers=["a", "YAF", "b"]).split(shaped["tess"])
    assert [problem.split("'")[1] for problem in refused.value.problems] == ["a", "b"]


def test_a_name_in_two_corpora_must_be_told_apart(table, cut):
    rows = [(f"s{speaker}", "", "", "sad") for speaker in range(4) for _ in range(3)]
    clips = pl.concat([table(rows, "one"), table(rows, "two")])
    with pytest.raises(UserError, match="'s1' is a speaker of several corpora; name one/s1 or two/s1"):
        Speaker(test_speakers=["s1"]).split(clips)
    made = cut(Speaker(test_speakers=["two/s1"]), clips)
    assert set(made.table.filter(part="test").select("corpus", "speaker").rows()) == {("two", "s1")}


@pytest.mark.parametrize(("names", "told"), [([], "0 (none)"), (["a"], r"1 \(c/a\)")])
def test_one_speaker_is_refused(table, names, told):
    told = told.replace("(none)", r"\(none\)")
    with pytest.raises(UserError, match=f"split=speaker needs at least 2 speakers, the data has {told}; use split=ran"):
        Speaker().split(table([(name, "", "", "sad") for name in names for _ in range(9)]))


def test_a_clip_without_speaker_is_refused_by_name(table):
    clips = table([("a", "", "", "sad"), ("b", "", "", "sad"), ("", "", "", "sad")])
    with pytest.raises(UserError, match=r"1 have none, such as c//0002; add a speaker column, or use split=random"):
        Speaker().split(clips)


@pytest.mark.parametrize(
    "splitter",
    [Speaker(test_fraction=0.9), Speaker(test_speakers=["s0", "s1"]), Speaker(test_fraction=0.4, val_fraction=0.6)],
    ids=lambda made: f"{made.test_fraction} {made.val_fraction}",
)
def test_someone_must_be_left_for_training(table, splitter):
    clips = table([(f"s{speaker}", "", "", "sad") for speaker in range(3)])
    with pytest.raises(UserError, match="speakers leave none of 3 for training; ask for fewer"):
        splitter.split(clips)
