"""What a score stands for, checked by hand: sizes, shared speakers, merges and the sentence that says it all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import pytest

from ser_lightning.corpora.base import Origin
from ser_lightning.data.protocol import Protocol, protocol
from ser_lightning.data.splits.base import Split
from ser_lightning.data.splits.speaker import Speaker
from ser_lightning.emotions import label_set

EMOTIONS = ("angry", "calm", "neutral", "sad")


@dataclass(frozen=True)
class Splitter:
    """The name and seed of a splitter."""

    name: str
    seed: int | None = 3


def made(
    rows: Sequence[tuple[str, str, str]],
    *,
    label: str = "native",
    emotions: Sequence[str] = EMOTIONS,
    split: str = "random",
    seed: int | None = 3,
    fold: tuple[int, int] | tuple[None, None] = (None, None),
    details: str = "",
    drawn: bool = True,
    shared_audio: int = 0,
    absent: Sequence[str] = (),
    origins: Sequence[Origin] = (),
    notes: Sequence[str] = (),
) -> Protocol:
    """The protocol of rows of corpus, speaker and part."""
    table = pl.DataFrame(rows, schema=["corpus", "speaker", "part"], orient="row")
    return protocol(
        table,
        emotions=pl.Series(emotions),
        labels=label_set(label, EMOTIONS if label == "native" else [*emotions, "fear", "disgust"]),
        splitter=Splitter(split, seed),
        split=Split(table["part"], fold=fold[0], num_folds=fold[1], details=details, drawn=drawn),
        absent={"train": [], "val": [], "test": absent},
        shared_audio={"train_val": 0, "train_test": shared_audio, "val_test": 0},
        origins=origins,
        notes=notes,
    )


def test_known_voices_are_counted_and_called_so():
    rows = [("tess", "OAF", "train")] * 5 + [("tess", "YAF", "train")] + [("tess", "OAF", "val")] * 2
    rows += [("tess", "OAF", "test"), ("tess", "YAF", "test")]
    assert made(rows, notes=["stratified by label"], origins=[Origin(corpus="tess")]) == {
        "sentence": (
            "tess, label set native (4 classes), split random (seed 3): 6 train / 2 val / 2 test clips; "
            "2 of 2 test speakers are in training too, so this is the score of known voices"
        ),
        "corpora": ["tess"],
        "label_sources": {"tess": "acted"},
        "label_set": "native",
        "labels": ["angry", "sad", "neutral", "calm"],
        "merged": {},
        "dropped": {},
        "split": "random",
        "split_seed": 3,
        "split_fold": None,
        "split_folds": None,
        "split_details": "",
        "parts": {
            "train": {"clips": 6, "speakers": 2, "corpora": ["tess"]},
            "val": {"clips": 2, "speakers": 1, "corpora": ["tess"]},
            "test": {"clips": 2, "speakers": 2, "corpora": ["tess"]},
        },
        "absent": {"train": [], "val": [], "test": []},
        "shared_speakers": {"train_val": 1, "train_test": 2, "val_test": 1},
        "shared_audio": {"train_val": 0, "train_test": 0, "val_test": 0},
        "speaker_disjoint": False,
        "speakers_known": True,
        "notes": ["stratified by label"],
    }


@pytest.mark.parametrize(
    ("tested", "said"),
    [(["c"], "1 test speaker, none of them in training"), (["c", "d"], "2 test speakers, none of them in training")],
)
def test_voices_never_heard_are_counted_and_called_so(tested: list[str], said: str):
    rows = [("x", "a", "train"), ("x", "b", "val"), *(("x", speaker, "test") for speaker in tested)]
    got = made(rows, split="speaker")
    assert got["speaker_disjoint"] is True
    assert got["shared_speakers"] == {"train_val": 0, "train_test": 0, "val_test": 0}
    assert got["sentence"].endswith(f"; {said}")


def test_one_test_speaker_of_two_in_training_is_no_disjoint_split():
    got = made([("x", "a", "train"), ("x", "b", "val"), ("x", "a", "test"), ("x", "c", "test")])
    assert (got["speaker_disjoint"], got["shared_speakers"]["train_test"]) == (False, 1)
    assert "1 of 2 test speakers are in training too" in got["sentence"]


def test_a_speaker_in_val_and_train_leaves_the_test_disjoint():
    got = made([("x", "a", "train"), ("x", "a", "val"), ("x", "b", "test")])
    assert (got["speaker_disjoint"], got["shared_speakers"]["train_val"]) == (True, 1)


def test_speakers_of_one_name_in_two_corpora_are_two():
    got = made([("x", "01", "train"), ("x", "02", "val"), ("y", "01", "test")])
    assert got["corpora"] == ["x", "y"]
    assert got["speaker_disjoint"] is True
    assert got["sentence"].startswith("x + y (trained on x, tested on y), label set native")


@pytest.mark.parametrize("speakers", ["   ", "ab ", " bc", "a c"], ids=["none", "not test", "not train", "not val"])
def test_unknown_speakers_are_no_speaker_and_never_disjoint(speakers: str):
    parts = ("train", "val", "test")
    got = made([("x", name.strip(), part) for name, part in zip(speakers, parts, strict=True)])
    assert (got["speakers_known"], got["speaker_disjoint"]) == (False, False)
    assert [got["parts"][part]["speakers"] for part in parts] == [int(name != " ") for name in speakers]
    assert got["shared_speakers"] == {"train_val": 0, "train_test": 0, "val_test": 0}
    assert got["sentence"].endswith("; speakers are unknown, so those of the test may be in training too")


def test_merged_and_dropped_clips_are_counted_from_the_emotions_before_the_label_set():
    emotions = ["calm"] * 3 + ["neutral"] * 2 + ["surprise"] * 4 + ["boredom"] + ["angry", "sad", "happy"]
    rows = [("x", "a", "train"), ("x", "b", "val"), ("x", "c", "test")]
    got = made(rows, label="six", emotions=emotions, split="speaker", seed=0)
    assert got["merged"] == {"calm -> neutral": 3}
    assert got["dropped"] == {"boredom": 1, "surprise": 4}
    assert got["sentence"].startswith(
        "x, label set six (6 classes; calm -> neutral (3 clips); boredom dropped (1 clips); "
        "surprise dropped (4 clips)), split speaker (seed 0): 1 train / 1 val / 1 test clips; "
    )


def test_a_fold_is_told_and_what_has_no_seed_tells_none():
    rows = [("x", "a", "train"), ("x", "b", "val"), ("x", "c", "test")]
    folded = made(rows, split="kfold", fold=(2, 5))
    assert (folded["split_fold"], folded["split_folds"]) == (2, 5)
    assert ", split kfold (fold 2 of 5, seed 3): 1 train" in folded["sentence"]
    assert ", split fixed: 1 train" in made(rows, split="fixed", seed=None)["sentence"]
    named = made(rows, split="fixed", details="split.csv 0a1b2c3d", drawn=False)
    assert ", split fixed (split.csv 0a1b2c3d): 1 train" in named["sentence"]
    assert named["split_seed"] is None
    assert ", split emobox (fold 2, seed 3): " in made(rows, split="emobox", fold=(2, None))["sentence"]


def test_what_a_reader_must_not_overlook_is_in_the_sentence():
    rows = [("x", "a", "train"), ("x", "b", "val"), ("x", "c", "test")]
    assert " / 1 test clips (no test clip is calm or fear); " in made(rows, absent=["calm", "fear"])["sentence"]
    said = "1 test speaker, none of them in training"
    assert made(rows, shared_audio=1)["sentence"].endswith(f"{said}; 1 test recording is in training too")
    assert made(rows, shared_audio=7)["sentence"].endswith(f"{said}; 7 test recordings are in training too")


def test_corpora_that_are_only_tested_and_voted_labels_are_told():
    rows = [("x", "a", "train"), ("x", "b", "val"), ("y", "c", "test")]
    got = made(rows, origins=[Origin(corpus="y", labels="plurality of voice votes"), Origin(corpus="x")])
    assert got["label_sources"] == {"x": "acted", "y": "plurality of voice votes"}
    assert got["sentence"].startswith("x + y (labels: plurality of voice votes) (trained on x, tested on y), label set")
    assert [got["parts"][part]["corpora"] for part in ("train", "val", "test")] == [["x"], ["x"], ["y"]]


def test_a_protocol_is_plain_values_as_metrics_json_needs_them():
    got = made([("x", "a", "train"), ("x", "b", "val"), ("x", "c", "test")])
    assert json.loads(json.dumps(got)) == got


def test_the_split_of_two_speakers_and_its_protocol_agree():
    clips = pl.DataFrame(
        {
            "clip": [f"c{number}" for number in range(40)],
            "corpus": ["tess"] * 40,
            "speaker": ["OAF", "YAF"] * 20,
            "sex": ["female"] * 40,
            "text": [f"word {number // 2}" for number in range(40)],
            "label": ["sad"] * 40,
            "recording": [str(number) for number in range(40)],
        }
    )
    split = Speaker(test_speakers=["OAF"]).split(clips)
    parts, notes = split.parts, split.notes
    got = made(clips.with_columns(part=parts).select("corpus", "speaker", "part").rows(), split="speaker", notes=notes)
    assert got["shared_speakers"] == {"train_val": 1, "train_test": 0, "val_test": 0}
    assert got["parts"] == {
        "train": {"clips": 17, "speakers": 1, "corpora": ["tess"]},
        "val": {"clips": 3, "speakers": 1, "corpora": ["tess"]},
        "test": {"clips": 20, "speakers": 1, "corpora": ["tess"]},
    }
    assert got["notes"] == [
        "2 speakers: tess/OAF is tested; val is cut from tess/YAF, who is trained on, by text",
    ]
    assert got["sentence"].endswith("1 test speaker, none of them in training")
