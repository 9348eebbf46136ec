"""Counts, quantiles and shares against values worked by hand, numpy and scikit-learn."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.feature_selection import f_classif

from ser_lightning.card import findings, statistics


def table_of(**columns: list) -> pl.DataFrame:
    """A clip table: the given columns, and plain values for all others."""
    size = len(next(iter(columns.values())))
    plain = {
        "clip": [f"c{index}" for index in range(size)],
        "corpus": ["own"] * size,
        "speaker": ["ann"] * size,
        "sex": ["female"] * size,
        "text": [""] * size,
        "emotion": ["sad"] * size,
        "seconds": [1.0] * size,
        "hash": [f"h{index}" for index in range(size)],
    }
    table = pl.DataFrame(plain | columns)
    return table if "recording" in columns else table.with_columns(recording=pl.col("clip").min().over("hash"))


def test_names_are_never_empty_and_tell_corpora_apart():
    one = statistics.readable(table_of(speaker=["", "ann"], sex=["", "male"]))
    assert one["speaker"].to_list() == ["unknown", "ann"]
    assert one["sex"].to_list() == ["unknown", "male"]
    two = statistics.readable(table_of(corpus=["a", "b"], speaker=["01", "01"]))
    assert two["speaker"].to_list() == ["a/01", "b/01"]


def test_emotions_stand_in_our_order_then_by_name():
    table = table_of(emotion=["zeal", "calm", "angry", "awe"])
    assert statistics.emotion_order(table) == ["angry", "calm", "awe", "zeal"]
    assert statistics.sex_order(table_of(sex=["unknown", "other", "female"])) == ["female", "other", "unknown"]


def test_crossed_counts_each_pair_and_absent_ones_as_zero():
    table = table_of(speaker=["a", "a", "b", "a"], emotion=["sad", "sad", "happy", "happy"])
    counts = statistics.crossed(table, "speaker", "emotion", ["b", "a"], ["happy", "sad", "angry"])
    np.testing.assert_array_equal(counts, [[1, 0, 0], [1, 2, 0]])


def test_the_spread_is_numpys_quantiles():
    values = np.random.default_rng(0).normal(size=101)
    table = table_of(speaker=["a"] * 100 + ["b"], rms_db=values.tolist())
    rows = statistics.spread(table, "speaker", "rms_db")
    assert rows.select("name", "clips").rows() == [("a", 100), ("b", 1)]
    expected = np.quantile(values[:100], [0.05, 0.25, 0.5, 0.75, 0.95])
    np.testing.assert_allclose(rows.row(0)[2:], expected)
    assert set(rows.row(1)[2:]) == {values[100]}


def test_the_explained_share_is_that_of_the_f_test():
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 4, 300)
    values = rng.normal(size=300) + groups
    table = table_of(emotion=groups.astype(str).tolist(), rms_db=values.tolist())
    [f], _ = f_classif(values[:, None], groups)
    expected = 3 * f / (3 * f + 296)  # eta^2 from F with 3 and 296 degrees of freedom
    assert statistics.explained(table, "emotion", "rms_db") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("emotions", "levels", "share"),
    [
        (["a", "a", "b", "b"], [1.0, 1.0, 3.0, 3.0], 1.0),
        (["a", "a", "b", "b"], [1.0, 3.0, 1.0, 3.0], 0.0),
        (["a", "a", "b", "b"], [0.0, 2.0, 2.0, 4.0], 0.5),
        (["a", "a"], [1.0, 3.0], None),
        (["a", "b"], [2.0, 2.0], None),
    ],
)
def test_the_explained_share_by_hand(emotions, levels, share):
    found = statistics.explained(table_of(emotion=emotions, rms_db=levels), "emotion", "rms_db")
    assert found == (share if share is None else pytest.approx(share))


def test_totals_are_by_corpus():
    table = table_of(corpus=["b", "a", "b"], speaker=["x", "x", "y"], seconds=[1800.0, 36.0, 1800.0])
    assert statistics.totals(table) == [("a", 1, 1, 0.01), ("b", 2, 2, 1.0)]


def savee() -> pl.DataFrame:
    """SAVEE's design: of one speaker per emotion 3 common texts, 2 of its own and 10 generic ones; neutral twice."""
    rows = []
    six = ["angry", "disgust", "fear", "happy", "sad", "surprise"]
    for speaker in ("DC", "JE", "JK", "KL"):
        for emotion in six:
            texts = [f"common {k}" for k in range(3)] + [f"{emotion} {k}" for k in range(2)]
            texts += [f"generic {emotion} {k}" for k in range(10)]
            rows += [(speaker, emotion, text) for text in texts]
        both = [f"common {k}" for k in range(3)] + [f"{emotion} {k}" for emotion in six for k in range(2)]
        rows += [(speaker, "neutral", text) for text in 2 * both]
    speakers, emotions, texts = zip(*rows, strict=True)
    return table_of(speaker=list(speakers), emotion=list(emotions), text=list(texts), corpus=["savee"] * len(rows))


def test_of_savees_clips_half_have_a_text_of_one_emotion():
    [use] = statistics.text_use(savee())
    assert (use.clips, use.texts, use.tied, use.tied_clips, use.once, use.untold) == (480, 75, 60, 240, 0, 0)
    assert findings.text_finding(use).startswith(
        "savee: 60 of 75 texts occur in one emotion only, in 240 of 480 clips (50%): a model may learn the words"
    )


TEXTS = {
    "crossed": (["x", "x"], ["sad", "happy"], "own: 1 text, none of which occurs in one emotion only: the words alone"),
    "none": (["", ""], ["sad", "happy"], "own: the texts are not known"),
    "one emotion": (["x", "y"], ["sad", "sad"], "own: 2 texts, and one emotion for them to go with."),
    "some": (
        ["x", "x", "y", ""],
        ["sad", "happy", "sad", "sad"],
        "own: 1 of 2 texts occurs in one emotion only (1 text of them spoken only once), in 1 of 4 clips (25%)",
    ),
    "untold": (["x", "x", ""], ["sad", "happy", "sad"], "tell the emotion. The text of 1 clip is not known."),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_sentence_on_texts(name):
    texts, emotions, expected = TEXTS[name]
    [use] = statistics.text_use(table_of(text=texts, emotion=emotions))
    assert expected in findings.text_finding(use)


def test_twins_are_identical_or_nearly_so_and_may_conflict():
    table = table_of(
        clip=["a", "b", "c", "d", "e"],
        recording=["a", "a", "c", "d", "d"],
        hash=["1", "1", "2", "3", "4"],
        emotion=["sad", "happy", "sad", "sad", "sad"],
        speaker=["x", "x", "x", "x", "y"],
    )
    same, near = statistics.twins(table)
    assert (same.clips, same.identical, same.conflicting) == (("a", "b"), True, True)
    assert (near.clips, near.identical, near.conflicting) == (("d", "e"), False, False)
    assert findings.twin_finding([same, near]) == (
        "2 recordings are there more than once, 1 under several emotions and 1 under several speakers."
    )
    assert findings.twin_finding([]) is None


def test_formats_are_listed_most_frequent_first():
    table = table_of(file_rate=[48000, 16000, 16000], channels=[2, 1, 1])
    assert statistics.formats(table) == [(16000, 1, 2), (48000, 2, 1)]


def test_the_level_sentence_names_loudest_and_softest():
    table = table_of(
        emotion=["sad", "angry", "sad", "angry"], speaker=["a", "a", "b", "b"], rms_db=[-40.0, -20.0, -50.0, -30.0]
    )
    assert findings.level_finding(table) == (
        "The loudest emotion is angry (median -25.0 dBFS), the softest sad (-45.0 dBFS). The loudest speaker is a "
        "(median -30.0 dBFS), the softest b (-40.0 dBFS). Of the variance of loudness the emotion explains 80% and "
        "the speaker explains 20%."
    )
    alone = findings.level_finding(table_of(rms_db=[-3.0]))
    assert alone == "Loudness cannot be compared: there is one emotion and one speaker."


def test_exact_zeros_are_told_with_the_speakers_whose_habit_they_are():
    table = table_of(speaker=["a", "a", "b", "b"], zeros=[0.2, 0.3, 0.2, 0.0])
    told = findings.zeros_finding(table)
    assert told is not None
    assert told.startswith("3 clips begin with more than 50 ms of exact zeros; more than half of the clips of a:")
    assert findings.zeros_finding(table_of(zeros=[0.01, 0.0])) is None


def test_balance_is_told_by_count_and_share():
    table = table_of(emotion=["sad", "happy", "happy", "happy"])
    assert findings.balance_finding(table) == (
        "The rarest emotion, sad, has 1 clip, the most frequent 3: who always names that one is right in 75% of the "
        "clips."
    )
    assert findings.balance_finding(table_of(emotion=["sad", "happy"])) == "Every emotion has 1 clip."
