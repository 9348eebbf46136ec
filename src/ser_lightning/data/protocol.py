"""What a score stands for, in words and numbers: corpora, label set, split, and what the parts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import polars as pl

from ser_lightning.corpora.base import Origin
from ser_lightning.data.parts import PAIRS, PARTS
from ser_lightning.data.splits.base import Split, Splitter
from ser_lightning.emotions import LabelSet


class PartSize(TypedDict):
    """How many clips and speakers a part has, and of which corpora."""

    clips: int
    speakers: int
    corpora: list[str]


class Protocol(TypedDict):
    """The protocol as stored in metrics.json."""

    sentence: str
    corpora: list[str]
    label_sources: dict[str, str]
    label_set: str
    labels: list[str]
    merged: dict[str, int]
    dropped: dict[str, int]
    split: str
    split_seed: int | None
    split_fold: int | None
    split_folds: int | None
    split_details: str
    parts: dict[str, PartSize]
    absent: dict[str, list[str]]
    shared_speakers: dict[str, int]
    shared_audio: dict[str, int]
    speaker_disjoint: bool
    speakers_known: bool
    notes: list[str]


def protocol(
    table: pl.DataFrame,
    *,
    emotions: pl.Series,
    labels: LabelSet,
    splitter: Splitter,
    split: Split,
    origins: Sequence[Origin],
    absent: Mapping[str, Sequence[str]],
    shared_audio: Mapping[str, int],
    notes: Sequence[str],
) -> Protocol:
    """The protocol of a split table (columns corpus, speaker, part).

    `emotions` are those before the label set; `absent` the classes that no clip of a part has, `shared_audio` counts
    the recordings that each two parts share.
    """
    of_part = {part: table.filter(pl.col("part") == part) for part in PARTS}
    speakers = {part: _speakers(rows) for part, rows in of_part.items()}
    shared = {f"{a}_{b}": len(speakers[a] & speakers[b]) for a, b in PAIRS}
    known = not (table["speaker"] == "").any()
    made = Protocol(
        sentence="",
        corpora=_corpora(table),
        label_sources={origin.corpus: origin.labels for origin in origins},
        label_set=labels.name,
        labels=list(labels.labels),
        merged=labels.merged(emotions),
        dropped=labels.dropped(emotions),
        split=splitter.name,
        split_seed=splitter.seed if split.drawn else None,
        split_fold=split.fold,
        split_folds=split.num_folds,
        split_details=split.details,
        parts={
            part: PartSize(clips=len(rows), speakers=len(speakers[part]), corpora=_corpora(rows))
            for part, rows in of_part.items()
        },
        absent={part: list(names) for part, names in absent.items()},
        shared_speakers=shared,
        shared_audio=dict(shared_audio),
        speaker_disjoint=shared["train_test"] == 0 and known,
        speakers_known=known,
        notes=list(notes),
    )
    made["sentence"] = _sentence(made)
    return made


def absent_classes(table: pl.DataFrame, labels: LabelSet) -> dict[str, list[str]]:
    """The classes that no clip of each part has (columns label, part)."""
    there = {part: set(table.filter(pl.col("part") == part)["label"].unique()) for part in PARTS}
    return {part: [label for label in labels.labels if label not in there[part]] for part in PARTS}


def _corpora(table: pl.DataFrame) -> list[str]:
    return sorted(set(table["corpus"].to_list()))


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
        f"{_said_corpora(made)}, {label_set}, split {_said_split(made)}: {sizes} clips{_without(made)}; "
        f"{_voices(made)}{_heard(made)}"
    )


def _without(made: Protocol) -> str:
    absent = made["absent"]["test"]
    return f" (no test clip is {' or '.join(absent)})" if absent else ""


def _heard(made: Protocol) -> str:
    heard = made["shared_audio"]["train_test"]
    return f"; {heard} test recording{'s are' if heard > 1 else ' is'} in training too" if heard else ""


def _said_corpora(made: Protocol) -> str:
    """The corpora, with the source of labels that are not the actors' task, and which are tested if not all are."""
    voted = {name: made["label_sources"].get(name, "") for name in made["corpora"]}
    names = [name + (f" (labels: {voted[name]})" if "votes" in voted[name] else "") for name in made["corpora"]]
    trained, tested = made["parts"]["train"]["corpora"], made["parts"]["test"]["corpora"]
    across = f" (trained on {' + '.join(trained)}, tested on {' + '.join(tested)})" if trained != tested else ""
    return " + ".join(names) + across


def _said_split(made: Protocol) -> str:
    of = f" of {made['split_folds']}" if made["split_folds"] is not None else ""
    fold = f"fold {made['split_fold']}{of}" if made["split_fold"] is not None else ""
    seed = f"seed {made['split_seed']}" if made["split_seed"] is not None else ""
    details = ", ".join(word for word in (made["split_details"], fold, seed) if word)
    return made["split"] + (f" ({details})" if details else "")


def _voices(made: Protocol) -> str:
    tested, shared = made["parts"]["test"]["speakers"], made["shared_speakers"]["train_test"]
    if made["speaker_disjoint"]:
        return f"{tested} test speaker{'s' * (tested != 1)}, none of them in training"
    if made["speakers_known"]:
        return f"{shared} of {tested} test speakers are in training too, so this is the score of known voices"
    return "speakers are unknown, so those of the test may be in training too"
