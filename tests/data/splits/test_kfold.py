"""Folds of speakers: each clip tested once, labels and sexes even."""

from __future__ import annotations

from collections import Counter

import pytest

from ser_lightning.data.parts import PARTS
from ser_lightning.data.splits.kfold import KFold
from ser_lightning.errors import UserError


def speakers(count: int):
    return [(f"s{speaker}", "mf"[speaker % 2], f"t{clip % 3}", "sad") for speaker in range(count) for clip in range(6)]


@pytest.mark.parametrize(
    ("corpus", "folds", "tested"), [("ravdess", 6, 240), ("ravdess", 4, 360), ("savee", 4, 120), ("tess", 2, 1400)]
)
def test_every_clip_is_tested_once(shaped, cut, corpus, folds, tested):
    made = [cut(KFold(folds=folds, fold=fold), shaped[corpus]) for fold in range(1, folds + 1)]
    assert [one.sizes()[2] for one in made] == [tested] * folds
    assert sorted(clip for one in made for clip in one.of("clip", "test")) == sorted(shaped[corpus]["clip"])
    assert [(one.split.fold, one.split.num_folds) for one in made] == [(k, folds) for k in range(1, folds + 1)]


def test_val_is_what_the_next_fold_tests(shaped, cut):
    made = [cut(KFold(folds=5, fold=fold), shaped["emodb"]) for fold in range(1, 6)]
    for one, following in zip(made, made[1:] + made[:1], strict=True):
        assert one.of("speaker", "val") == following.of("speaker", "test")


@pytest.mark.parametrize("seed", range(3))
def test_each_fold_of_ravdess_has_two_men_and_two_women_and_32_of_each_emotion(shaped, cut, seed):
    for fold in range(1, 7):
        made = cut(KFold(seed=seed, folds=6, fold=fold), shaped["ravdess"])
        assert made.count("sex", part="test") == {"male": 120, "female": 120}
        assert made.count("label", part="test") == Counter(
            dict.fromkeys(("angry", "calm", "disgust", "fear", "happy", "sad", "surprise"), 32), neutral=16
        )


def test_folds_of_emodb_are_of_two_speakers_and_each_has_disgust(shaped, cut):
    """46 disgusted clips, none of them by 08: a fold of equal share has 9.2."""
    disgust = []
    for fold in range(1, 6):
        made = cut(KFold(fold=fold), shaped["emodb"])
        assert [len(made.of("speaker", part)) for part in PARTS] == [6, 2, 2]
        disgust.append(made.count("label", part="test")["disgust"])
    assert sum(disgust) == 46
    assert min(disgust) >= 5
    assert max(disgust) <= 12


def test_folds_differ_by_at_most_one_speaker(table, cut):
    sizes = [len(cut(KFold(folds=5, fold=fold), table(speakers(13))).of("speaker", "test")) for fold in range(1, 6)]
    assert sorted(sizes) == [2, 2, 3, 3, 3]


def test_of_two_speakers_val_is_cut_by_text(shaped, cut):
    made = [cut(KFold(folds=2, fold=fold), shaped["tess"]) for fold in (1, 2)]
    assert sorted(next(iter(one.of("speaker", "test"))) for one in made) == ["OAF", "YAF"]
    for one in made:
        assert one.sizes() == (1190, 210, 1400)
        assert not one.of("text", "train") & one.of("text", "val")
        assert one.split.notes[0].startswith("2 speakers: tess/")


def test_of_two_folds_val_is_whole_speakers_of_the_other(table, cut):
    made = cut(KFold(folds=2), table(speakers(10)))
    assert [len(made.of("speaker", part)) for part in PARTS] == [4, 1, 5]
    assert made.split.notes[0].startswith("2 folds: val is cut from the fold that is not tested, by speaker (c/s")


@pytest.mark.parametrize("fold", [1, 2])
def test_three_speakers_are_no_two_folds_as_one_of_them_would_be_in_train_and_val(table, fold):
    with pytest.raises(UserError, match=r"split.folds=2 needs at least 4 speakers \(or 2\).*use split.folds=3"):
        KFold(folds=2, fold=fold).split(table(speakers(3)))


def test_more_folds_than_speakers_are_refused(shaped):
    with pytest.raises(UserError) as refused:
        KFold(folds=5).split(shaped["savee"])
    assert refused.value.problems == [
        "split.folds=5 needs as many speakers, the data has 4; use split.folds=4 or split=one_speaker_out"
    ]


def test_a_fold_beyond_the_last_is_refused_before_data_are_read():
    with pytest.raises(UserError, match=r"split.fold=6 is not among the 5 folds: split.folds=5; choose 1 to 5"):
        KFold(fold=6)
