"""What a score stands for, checked by hand: sizes, shared speakers, merges and the sentence that says it all."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl
import pytest

from ser_lightning.data.protocol import Protocol, protocol
from ser_lightning.data.splits.speaker import Speaker
from ser_lightning.emotions import label_set

EMOTIONS = ("angry", "calm", "neutral", "sad")


def made(
    rows: Sequence[tuple[str, str, str]],
    *,
    label: str = "native",
    emotions: Sequence[str] = EMOTIONS,
    split: str = "random",
    notes: Sequence[str] = (),
) -> Protocol:
    """The protocol of rows of corpus, speaker and part."""
    table = pl.DataFrame(rows, schema=["corpus", "speaker", "part"], orient="row")
    labels = label_set(label, EMOTIONS if label == "native" else ["angry", "happy", "neutral", "sad"])
    return protocol(table, emotions=pl.Series(emotions), labels=labels, split=split, seed=3, notes=notes)


def test_known_voices_are_counted_and_called_so():
    rows = [("tess", "OAF", "train")] * 5 + [("tess", "YAF", "train")] + [("tess", "OAF", "val")] * 2
    rows += [("tess", "OAF", "test"), ("tess", "YAF", "test")]
    assert made(rows, notes=["stratified by label"]) == {
        "sentence": (
            "tess, label set native (4 classes), split random (seed 3): 6 train / 2 val / 2 test clips; "
            "2 of 2 test speakers are in training too, so this is the score of known voices"
        ),
        "corpora": ["tess"],
        "label_set": "native",
        "labels": ["angry", "sad", "neutral", "calm"],
        "merged": {},
        "dropped": {},
        "split": "random",
        "split_seed": 3,
        "parts": {
            "train": {"clips": 6, "speakers": 2},
            "val": {"clips": 2, "speakers": 1},
            "test": {"clips": 2, "speakers": 2},
        },
        "shared_speakers": {"train_val": 1, "train_test": 2, "val_test": 1},
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
    assert got["sentence"].startswith("x + y, label set native")


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
    labels = label_set("six", [*emotions, "fear", "disgust"])
    table = pl.DataFrame({"corpus": ["x"] * 3, "speaker": ["a", "b", "c"], "part": ["train", "val", "test"]})
    got = protocol(table, emotions=pl.Series(emotions), labels=labels, split="speaker", seed=0, notes=())
    assert got["merged"] == {"calm -> neutral": 3}
    assert got["dropped"] == {"boredom": 1, "surprise": 4}
    assert got["sentence"].startswith(
        "x, label set six (6 classes; calm -> neutral (3 clips); boredom dropped (1 clips); "
        "surprise dropped (4 clips)), split speaker (seed 0): 1 train / 1 val / 1 test clips; "
    )


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
        "train": {"clips": 17, "speakers": 1},
        "val": {"clips": 3, "speakers": 1},
        "test": {"clips": 20, "speakers": 1},
    }
    assert got["notes"] == [
        "2 speakers: tess/OAF is tested; val is cut from tess/YAF, who is trained on, by text",
    ]
    assert got["sentence"].endswith("1 test speaker, none of them in training")
