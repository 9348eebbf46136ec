"""One corpus out: nothing of the tested corpus is in training, and every other corpus keeps speakers there."""

from __future__ import annotations

import polars as pl
import pytest

from ser_lightning.data.splits.one_corpus_out import OneCorpusOut
from ser_lightning.errors import UserError


def three(shaped) -> pl.DataFrame:
    return pl.concat([shaped["savee"], shaped["ravdess"], shaped["tess"]])


def test_val_is_cut_by_speaker_or_by_text_where_they_are_few(shaped, cut):
    made = cut(OneCorpusOut(test_corpus="savee"), three(shaped))
    assert made.of("corpus", "test") == {"savee"}
    assert made.sizes() == (2380 + 1200, 420 + 240, 480)
    assert len({name for name in made.of("speaker", "val") if name.startswith("actor")}) == 4
    assert not {name for name in made.of("speaker", "val") & made.of("speaker", "train") if name.startswith("actor")}
    assert made.of("speaker", "train") >= {"OAF", "YAF"}
    tess = made.table.filter(corpus="tess")
    assert not set(tess.filter(part="val")["text"]) & set(tess.filter(part="train")["text"])
    assert made.split.notes[0] == "savee is tested, all other corpora are trained on"
    assert made.split.notes[1].startswith("val of ravdess is cut by speaker (ravdess/actor")
    assert made.split.notes[2] == "val of tess is cut by text, as it has 2 speakers"


@pytest.mark.parametrize(("fold", "tested"), [(1, "ravdess"), (2, "savee"), (3, "tess")])
def test_folds_are_the_corpora_in_order_of_name(shaped, cut, fold, tested):
    made = cut(OneCorpusOut(fold=fold), three(shaped))
    assert made.of("corpus", "test") == {tested}
    assert not made.table.filter((pl.col("corpus") == tested) & (pl.col("part") != "test")).height
    assert (made.split.fold, made.split.num_folds) == (fold, 3)


def test_a_corpus_by_name_is_its_fold(shaped):
    split = OneCorpusOut(test_corpus="tess").split(three(shaped))
    assert (split.fold, split.num_folds) == (3, 3)


def test_recordings_that_the_tested_corpus_has_too_are_left_out(table, cut):
    shared = [(f"s{n}", "", f"t{n}", "sad", f"same{n}") for n in range(2)]
    rows = [(f"s{n}", "", f"t{n}", "sad") for n in range(2, 8)]
    made = cut(OneCorpusOut(test_corpus="b"), pl.concat([table(shared + rows, "a"), table(shared + rows, "b")]))
    assert made.table.filter(part="test").height == 8
    assert sorted(made.table.filter(pl.col("part").is_null())["clip"]) == ["a/s0/0000", "a/s1/0001"]
    assert made.split.notes[1] == (
        "2 clips of the other corpora are recordings that b has too, so they are left out: a/s0/0000, a/s1/0001"
    )


def test_a_recording_of_two_training_corpora_is_on_one_side(table, cut):
    rows = [(f"s{n}", "", f"t{n}", "sad", f"same{n}" if n < 3 else "") for n in range(6)]
    corpora = pl.concat([table(rows, "a"), table(rows, "b"), table([("s", "", "", "sad")], "test")])
    for seed in range(8):
        made = cut(OneCorpusOut(seed=seed, test_corpus="test", val_fraction=0.4), corpora)
        assert made.table.group_by("recording").agg(pl.col("part").n_unique())["part"].max() == 1


def test_a_corpus_that_does_not_name_every_speaker_is_cut_by_text(table, cut):
    other = table([("", "", f"t{n % 10}", "sad") for n in range(40)], "b")
    made = cut(OneCorpusOut(test_corpus="a"), pl.concat([table([("s", "", "", "sad")], "a"), other]))
    assert made.sizes() == (32, 8, 1)
    assert made.split.notes[1] == "val of b is cut by text, as not every speaker is known"


@pytest.mark.parametrize(
    ("splitter", "told"),
    [
        (OneCorpusOut(fold=4), "split.fold=4 is not among the 3 folds: the data has 3 corpora; choose 1 to 3"),
        (OneCorpusOut(test_corpus="SAVEE"), "no clip is of corpus 'SAVEE'; did you mean 'savee'?"),
    ],
    ids=["fold", "name"],
)
def test_what_is_not_in_the_data_is_refused(shaped, splitter, told):
    with pytest.raises(UserError) as refused:
        splitter.split(three(shaped))
    assert told in str(refused.value)


def test_one_corpus_is_refused(shaped):
    told = r"needs at least 2 corpora, the data has 1 \(tess\); use corpus=several, or split=one_speaker_out"
    with pytest.raises(UserError, match=told):
        OneCorpusOut().split(shaped["tess"])


def test_a_fold_and_a_name_are_refused_before_data_are_read():
    with pytest.raises(UserError, match=r"by split.fold or by split.test_corpus, got fold 2 and tess; leave one out"):
        OneCorpusOut(fold=2, test_corpus="tess")
