"""What a score stands for, in words and numbers: corpora, label set, split, and what the parts share."""

from __future__ import annotations

from collections.abc import Sequence
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
    parts: dict[str, PartSize]
    shared_speakers: dict[str, int]
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
    notes: Sequence[str],
) -> Protocol:
    """The protocol of a split table (columns corpus, speaker, part); `emotions` are those before the label set."""
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
        split_seed=splitter.seed,
        split_fold=split.fold,
        split_folds=split.num_folds,
        parts={
            part: PartSize(clips=len(rows), speakers=len(speakers[part]), corpora=_corpora(rows))
            for part, rows in of_part.items()
        },
        shared_speakers=shared,
        speaker_disjoint=shared["train_test"] == 0 and known,
        speakers_known=known,
        notes=list(notes),
    )
    made["sentence"] = _sentence(made)
    return made


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
    return f"{_said_corpora(made)}, {label_set}, split {_said_split(made)}: {sizes} clips; {_voices(made)}"


def _said_corpora(made: Protocol) -> str:
    """The corpora, with the source of labels that are not the actors' task, and which are tested if not all are."""
    voted = {name: made["label_sources"].get(name, "") for name in made["corpora"]}
    names = [name + (f" (labels: {voted[name]})" if "votes" in voted[name] else "") for name in made["corpora"]]
    trained, tested = made["parts"]["train"]["corpora"], made["parts"]["test"]["corpora"]
    across = f" (trained on {' + '.join(trained)}, tested on {' + '.join(tested)})" if trained != tested else ""
    return " + ".join(names) + across


def _said_split(made: Protocol) -> str:
    fold = f"fold {made['split_fold']} of {made['split_folds']}" if made["split_fold"] is not None else ""
    seed = f"seed {made['split_seed']}" if made["split_seed"] is not None else ""
    details = ", ".join(word for word in (fold, seed) if word)
    return made["split"] + (f" ({details})" if details else "")


def _voices(made: Protocol) -> str:
    tested, shared = made["parts"]["test"]["speakers"], made["shared_speakers"]["train_test"]
    if made["speaker_disjoint"]:
        return f"{tested} test speaker{'s' * (tested != 1)}, none of them in training"
    if made["speakers_known"]:
        return f"{shared} of {tested} test speakers are in training too, so this is the score of known voices"
    return "speakers are unknown, so those of the test may be in training too"
