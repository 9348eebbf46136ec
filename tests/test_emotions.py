"""Names are read in every common spelling, and a label set says what it merges and drops."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from ser_lightning.emotions import (
    EMOTIONS,
    LABEL_SETS,
    SYNONYMS,
    LabelSet,
    canonical_emotion,
    check_label_set,
    label_set,
)
from ser_lightning.errors import UserError

RAVDESS = ["angry", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
TESS = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]


@pytest.mark.parametrize(
    ("written", "emotion"),
    [("happy", "happy"), (" Anger ", "angry"), ("JOY", "happy"), ("fearful", "fear"), ("Surprised\n", "surprise")],
)
def test_canonical_emotion(written: str, emotion: str):
    assert canonical_emotion(written) == emotion


def test_every_synonym_leads_to_a_canonical_name_and_is_none_itself():
    assert set(SYNONYMS.values()) <= set(EMOTIONS)
    assert not set(SYNONYMS) & set(EMOTIONS)


@pytest.mark.parametrize(
    ("written", "hint"), [("hapy", "did you mean 'happy'?"), ("Angre", "'anger'"), ("suprised", "'surprised'")]
)
def test_unknown_emotion_gets_a_hint(written: str, hint: str):
    with pytest.raises(UserError, match=re.escape(f"unknown emotion '{written}'")) as caught:
        canonical_emotion(written)
    assert hint in str(caught.value)


def test_native_takes_what_is_there_in_the_fixed_order_own_names_last():
    made = label_set("native", ["weary", "calm", "angry", "ironic", "angry"])
    assert made.labels == ("angry", "calm", "ironic", "weary")
    assert (made.merged(["angry"]), made.dropped(["angry", "calm"])) == ({}, {})


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("paper7", ("angry", "fear", "disgust", "sad", "surprise", "happy", "calm")),
        ("six", ("angry", "disgust", "fear", "happy", "sad", "neutral")),
        ("eight", ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")),
        ("big4", ("angry", "happy", "neutral", "sad")),
    ],
)
def test_named_label_sets_on_ravdess(name: str, labels: tuple[str, ...]):
    assert label_set(name, RAVDESS).labels == labels


def test_paper7_merges_neutral_into_calm_and_counts_it():
    made = label_set("paper7", TESS)
    emotions = ["neutral"] * 400 + ["angry"] * 400 + ["boredom"] * 3
    assert made.merged(emotions) == {"neutral -> calm": 400}
    assert made.dropped(emotions) == {"boredom": 3}


def test_six_counts_calm_as_neutral_and_drops_surprise():
    made = label_set("six", RAVDESS)
    emotions = ["calm"] * 192 + ["neutral"] * 96 + ["surprise"] * 192
    assert made.merged(emotions) == {"calm -> neutral": 192}
    assert made.dropped(emotions) == {"surprise": 192}


def test_eight_on_tess_is_refused_as_no_clip_is_calm():
    with pytest.raises(UserError, match="label_set=eight has classes that no clip has: calm;"):
        label_set("eight", TESS)


def test_unknown_label_set_gets_a_hint():
    with pytest.raises(UserError, match="did you mean 'paper7'"):
        label_set("papr7", TESS)


@pytest.mark.parametrize("emotions", [[], ["angry"]])
def test_native_of_fewer_than_two_classes_is_refused(emotions: list[str]):
    with pytest.raises(UserError, match=f"gives {len(emotions)} class"):
        label_set("native", emotions)


def test_own_mapping_of_two_classes_in_its_order():
    made = label_set({"positive": "joy", "negative": ["Angry", "sadness", "fear"]}, TESS)
    assert made.labels == ("positive", "negative")
    assert dict(made.mapping) == {"happy": "positive", "angry": "negative", "sad": "negative", "fear": "negative"}
    assert made.merged(["happy", "sad", "sad"]) == {"happy -> positive": 1, "sad -> negative": 2}
    assert made.dropped(["neutral", "sad", "neutral"]) == {"neutral": 2}


def test_own_mapping_keeps_an_emotion_of_the_users_table_to_the_letter():
    made = label_set({"Ironic": "Ironic", "plain": ["neutral"]}, ["Ironic", "neutral"])
    assert dict(made.mapping) == {"Ironic": "Ironic", "neutral": "plain"}


def test_classes_of_numbers_and_booleans_as_yaml_gives_them():
    assert label_set({1: ["angry"], False: ["sad"]}, TESS).labels == ("1", "False")  # type: ignore[dict-item]


def test_all_problems_of_a_mapping_are_told_at_once():
    spec: Mapping[str, object] = {"a": ["angry", "sad"], "b": ["anger"], "c": 3, "d": []}
    with pytest.raises(UserError) as caught:
        check_label_set(spec)
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "'anger' is under 'a' and 'b'",
        "class 'c' needs an emotion or a list of them, got 3",
        "class 'd' has no emotion",
    ]


def test_a_class_of_the_mapping_that_no_clip_has_is_refused():
    with pytest.raises(UserError, match="classes that no clip has: rested; the data holds angry, sad"):
        label_set({"tense": ["angry", "sad"], "rested": ["calm"]}, ["sad", "angry"])


def test_every_misspelt_emotion_of_a_mapping_gets_a_hint():
    with pytest.raises(UserError) as caught:
        label_set({"tense": ["angry", "feer"], "low": ["sadd"]}, TESS)
    assert [problem.split("; did you mean ")[0] for problem in caught.value.problems] == [
        "label_set: 'feer' is no emotion",
        "label_set: 'sadd' is no emotion",
    ]
    assert ["'fear'" in caught.value.problems[0], "'sad'" in caught.value.problems[1]] == [True, True]


def test_check_label_set_needs_no_data():
    assert [check_label_set(name) for name in ("native", *LABEL_SETS)] == ["native", *LABEL_SETS]
    assert check_label_set({1: ["angry"], "b": "sad"}) == {"1": ["angry"], "b": "sad"}
    with pytest.raises(UserError, match="None is none of the label sets"):
        check_label_set(None)


def test_labels_of_a_mapping_with_merges_name_each_class_once():
    assert LabelSet("x", {"a": "one", "b": "two", "c": "one"}).labels == ("one", "two")
