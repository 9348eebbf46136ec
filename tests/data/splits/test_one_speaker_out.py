"""One speaker out: fold k is the k-th name, or the speaker that is named."""

from __future__ import annotations

import pytest

from ser_lightning.data.splits.one_speaker_out import OneSpeakerOut
from ser_lightning.errors import UserError


def test_savee_is_one_tested_one_val_and_two_trained_on(shaped, cut):
    made = [cut(OneSpeakerOut(fold=fold), shaped["savee"]) for fold in range(1, 5)]
    names = [[sorted(one.of("speaker", part)) for part in ("test", "val", "train")] for one in made]
    assert names == [
        [["DC"], ["JE"], ["JK", "KL"]],
        [["JE"], ["JK"], ["DC", "KL"]],
        [["JK"], ["KL"], ["DC", "JE"]],
        [["KL"], ["DC"], ["JE", "JK"]],
    ]
    assert [one.sizes() for one in made] == [(240, 120, 120)] * 4
    assert [(one.split.fold, one.split.num_folds) for one in made] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert made[0].split.notes == ("savee/DC is tested, savee/JE is val",)


def test_emodb_has_as_many_folds_as_speakers_and_8_has_no_disgust(shaped, cut):
    made = [cut(OneSpeakerOut(fold=fold), shaped["emodb"]) for fold in range(1, 11)]
    assert [one.sizes()[2] for one in made] == [49, 58, 43, 38, 55, 35, 61, 69, 56, 71]
    assert [one.count("label", part="test")["disgust"] for one in made] == [1, 0, 8, 1, 2, 2, 8, 8, 5, 11]


@pytest.mark.parametrize("name", ["KL", "savee/KL"])
def test_a_name_is_its_fold(shaped, cut, name):
    made = cut(OneSpeakerOut(test_speakers=[name]), shaped["savee"])
    assert made.of("speaker", "test") == {"KL"}
    assert (made.split.fold, made.split.num_folds) == (4, 4)


@pytest.mark.parametrize(("fold", "tested"), [(1, "OAF"), (2, "YAF")])
def test_of_two_speakers_val_is_cut_from_the_other_by_text(shaped, cut, fold, tested):
    made = cut(OneSpeakerOut(fold=fold), shaped["tess"])
    assert made.of("speaker", "test") == {tested}
    assert made.sizes() == (1190, 210, 1400)
    assert not made.of("text", "train") & made.of("text", "val")
    assert made.split.notes[0].endswith(", who is trained on, by text")
    assert made.split.num_folds == 2


def test_speakers_of_one_recording_are_one_fold(table, cut):
    rows = [(f"s{n}", "", "", "sad", "shared" if n < 2 else "") for n in range(4) for _ in range(3)]
    made = cut(OneSpeakerOut(), table(rows))
    assert made.of("speaker", "test") == {"s0", "s1"}
    assert made.split.num_folds == 3
    assert made.split.notes == ("c/s0 with c/s1 is tested, c/s2 is val",)


def test_two_speakers_of_one_recording_are_refused_with_the_clips_that_tie_them(table):
    rows = [(f"s{n}", "", "", "sad", "shared" if take == 1 else "") for n in range(2) for take in range(3)]
    with pytest.raises(UserError) as told:
        OneSpeakerOut().split(table(rows))
    (told,) = told.value.problems
    assert "the data has 1 (c/s0 with c/s1, who count as one as they share a recording: c/s0/0001 = c/s1/0004;" in told
    assert "one of the names must be wrong)" in told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"test_speakers": ["DC", "JE"]}, "split=one_speaker_out tests one speaker, got split.test_speakers=[DC, JE]"),
        ({"test_speakers": ["DC"], "fold": 2}, "by split.fold or by split.test_speakers, got fold 2 and DC"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_data_are_read(settings, told):
    with pytest.raises(UserError) as refused:
        OneSpeakerOut(**settings)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("splitter", "told"),
    [
        (OneSpeakerOut(fold=5), "split.fold=5 is not among the 4 folds: the data has 4 speakers; choose 1 to 4"),
        (OneSpeakerOut(test_speakers=["KI"]), "no clip is of speaker 'KI'; choose from DC, JE, JK, KL"),
    ],
    ids=["fold", "name"],
)
def test_what_is_not_in_the_data_is_refused(shaped, splitter, told):
    with pytest.raises(UserError) as refused:
        splitter.split(shaped["savee"])
    assert told in str(refused.value)


def test_one_speaker_is_refused(table):
    with pytest.raises(UserError, match=r"split=one_speaker_out needs at least 2 speakers, the data has 1 \(c/a\)"):
        OneSpeakerOut().split(table([("a", "", "", "sad")] * 9))
