"""One-hot labels, and votes as shares of the classes, worked by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ser_lightning.data.targets import are_soft, class_labels, class_targets, unlearned_votes
from ser_lightning.emotions import label_set

SIX = ("angry", "sad", "neutral", "calm")


def table(**columns: list[object]) -> pl.DataFrame:
    return pl.DataFrame({"part": ["train"] * len(columns["label"])} | columns)


def test_labels_are_one_hot():
    labels = label_set("native", SIX)
    targets = class_targets(table(label=["sad", "angry"]), labels)
    assert (targets.tolist(), targets.dtype) == ([[0, 1, 0, 0], [1, 0, 0, 0]], np.float32)
    assert not are_soft(targets)


def test_votes_are_shares_and_clips_without_stay_one_hot():
    rows = table(
        label=["sad", "angry", "neutral"],
        vote_angry=[0.2, None, 0.0],
        vote_sad=[0.6, None, 0.25],
        vote_neutral=[0.2, None, 0.75],
    )
    targets = class_targets(rows, label_set("native", ["angry", "sad", "neutral"]))
    np.testing.assert_allclose(targets, [[0.2, 0.6, 0.2], [1, 0, 0], [0, 0.25, 0.75]], rtol=1e-6)
    assert are_soft(targets)


def test_votes_for_merged_emotions_add_up_and_those_for_dropped_ones_are_left_out():
    rows = table(label=["low"], vote_sad=[0.3], vote_calm=[0.2], vote_angry=[0.3], vote_surprise=[0.2])
    labels = label_set({"low": ["sad", "calm"], "high": ["angry"]}, ["sad", "calm", "angry", "surprise"])
    np.testing.assert_allclose(class_targets(rows, labels), [[0.625, 0.375]], rtol=1e-6)


def test_the_class_is_that_of_most_votes_after_merging():
    """Two votes for happy beat one for angry and one for sad, until these two are one class."""
    rows = table(
        label=["x"] * 2, emotion=["happy", "fear"], vote_happy=[0.4, 1.0], vote_angry=[0.3, 0.0], vote_sad=[0.3, 0.0]
    )
    one_by_one = label_set("native", ["happy", "angry", "sad"])
    merged = label_set({"low": ["angry", "sad"], "high": ["happy"]}, ["happy", "angry", "sad"])
    assert class_labels(rows, one_by_one).to_list() == ["happy", None]
    assert class_labels(rows, merged).to_list() == ["low", None]
    labelled = rows.with_columns(label=class_labels(rows, merged))[:1]
    assert class_targets(labelled, merged).argmax(axis=1).tolist() == [0]


def test_votes_for_dropped_emotions_are_a_share_of_all():
    rows = table(label=["sad", "sad"], vote_sad=[0.5, 1.0], vote_fear=[0.5, 0.0])
    assert unlearned_votes(rows, label_set({"sad": "sad", "calm": "calm"}, ["sad", "calm"])) == pytest.approx(0.25)
    assert unlearned_votes(rows, label_set("native", ["sad", "fear"])) == 0
    assert unlearned_votes(table(label=["sad"]), label_set("native", ["sad", "fear"])) == 0


def test_of_even_votes_the_label_has_a_trifle_more():
    rows = table(label=["sad", "angry"], vote_angry=[0.5, 0.5], vote_sad=[0.5, 0.5])
    targets = class_targets(rows, label_set("native", ["angry", "sad"]))
    assert targets.argmax(axis=1).tolist() == [1, 0]
    np.testing.assert_allclose(targets, 0.5, atol=2e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


def test_a_clip_whose_votes_are_all_for_dropped_emotions_keeps_its_label():
    rows = table(label=["sad", "angry"], vote_fear=[1.0, 0.0], vote_sad=[0.0, 0.5], vote_angry=[0.0, 0.5])
    assert class_targets(rows, label_set("native", ["angry", "sad"]))[0].tolist() == [0, 1]


@pytest.mark.parametrize("seed", [0, 1])
def test_shuffling_moves_rows_of_the_training_part_only(seed: int):
    label = ["sad", "angry"] * 20 + ["neutral"]
    rows = pl.DataFrame({"label": label, "part": ["train"] * 40 + ["test"]})
    labels = label_set("native", ["angry", "sad", "neutral"])
    plain, shuffled = class_targets(rows, labels), class_targets(rows, labels, shuffle_seed=seed)
    assert (plain[:40] != shuffled[:40]).any()
    assert plain[:40].sum(axis=0).tolist() == shuffled[:40].sum(axis=0).tolist()
    assert plain[40].tolist() == shuffled[40].tolist()
