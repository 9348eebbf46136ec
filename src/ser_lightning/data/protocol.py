"""What a score stands for, in words and numbers: corpora, label set, split, and what the parts share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import polars as pl

from ser_lightning.data.parts import PARTS
from ser_lightning.emotions import LabelSet


class PartSize(TypedDict):
    """How many clips and speakers a part has."""

    clips: int
    speakers: int


class Protocol(TypedDict):
    """The protocol as stored in metrics.json."""

    sentence: str
    corpora: list[str]
    label_set: str
    labels: list[str]
    merged: dict[str, int]
    dropped: dict[str, int]
    split: str
    split_seed: int
    parts: dict[str, PartSize]
    shared_speakers: dict[str, int]
    speaker_disjoint: bool
    speakers_known: bool
    notes: list[str]


def protocol(
    table: pl.DataFrame, *, emotions: pl.Series, labels: LabelSet, split: str, seed: int, notes: Sequence[str]
) -> Protocol:
    """The protocol of a split table (columns corpus, speaker, part); `emotions` are those before the label set."""
    speakers: dict[str, set[str]] = {part: _speakers(table.filter(pl.col("part") == part)) for part in PARTS}
    pairs = (("train", "val"), ("train", "test"), ("val", "test"))
    shared = {f"{a}_{b}": len(speakers[a] & speakers[b]) for a, b in pairs}
    known = not (table["speaker"] == "").any()
    made = Protocol(
        sentence="",
        corpora=sorted(set(table["corpus"].to_list())),
        label_set=labels.name,
        labels=list(labels.labels),
        merged=labels.merged(emotions),
        dropped=labels.dropped(emotions),
        split=split,
        split_seed=seed,
        parts={
            part: PartSize(clips=len(table.filter(pl.col("part") == part)), speakers=len(speakers[part]))
            for part in PARTS
        },
        shared_speakers=shared,
        speaker_disjoint=shared["train_test"] == 0 and known,
        speakers_known=known,
        notes=list(notes),
    )
    made["sentence"] = _sentence(made)
    return made


def _speakers(table: pl.DataFrame) -> set[str]:
    known = table.filter(pl.col("speaker") != "")
    return set((known["corpus"] + "/" + known["speaker"]).to_list())


def _sentence(made: Protocol) -> str:
    parts = made["parts"]
    changes = [f"{what} ({n} clips)" for what, n in made["merged"].items()]
    changes += [f"{what} dropped ({n} clips)" for what, n in made["dropped"].items()]
    label_set = f"label set {made['label_set']} ({len(made['labels'])} classes{''.join('; ' + c for c in changes)})"
    sizes = " / ".join(f"{parts[part]['clips']} {part}" for part in PARTS)
    return (
        f"{' + '.join(made['corpora'])}, {label_set}, split {made['split']} (seed {made['split_seed']}): "
        f"{sizes} clips; {_voices(made)}"
    )


def _voices(made: Protocol) -> str:
    tested, shared = made["parts"]["test"]["speakers"], made["shared_speakers"]["train_test"]
    if made["speaker_disjoint"]:
        return f"{tested} test speaker{'s' * (tested != 1)}, none of them in training"
    if made["speakers_known"]:
        return f"{shared} of {tested} test speakers are in training too, so this is the score of known voices"
    return "speakers are unknown, so those of the test may be in training too"
