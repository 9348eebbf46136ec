"""When two scores may stand in one ranking: when they are of the very same clips, labels and kind of split.

A fold's protocol speaks of its own clips. Put together, the folds of a split test every clip once: that is one protocol
with a sentence of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

Facts = Mapping[str, Any]
"""What must be equal where scores are compared, by what it is called."""

RUN_FACTS = {
    "corpora": "corpora",
    "source of the labels": "label_sources",
    "label set": "label_set",
    "classes": "labels",
    "merged labels": "merged",
    "dropped labels": "dropped",
    "split": "split",
    "split seed": "split_seed",
    "split details": "split_details",
    "number of folds": "split_folds",
}
"""The facts that all folds of a split share, and where metrics.json has them."""
CLIPS = "tested clips and their labels"
KNOWN_VOICES = "voices of the test known from training"


@dataclass(frozen=True, kw_only=True)
class PooledProtocol:
    """The protocol of the folds of a configuration together; `num_clips` are tested, each once.

    `missing` says which folds there are no runs of, `notes` are those of the runs.
    """

    sentence: str
    facts: Facts
    num_clips: int
    missing: str
    notes: tuple[str, ...]

    @property
    def key(self) -> str:
        """A text that only protocols share whose scores may be compared."""
        return json.dumps(self.facts, sort_keys=True)


def run_facts(protocol: Mapping[str, Any]) -> Facts:
    """What the protocols of all folds of a split have in common."""
    return {name: protocol.get(key) for name, key in RUN_FACTS.items()}


def tested_on(protocols: Sequence[Mapping[str, Any]], table: pl.DataFrame) -> PooledProtocol:
    """The protocol of folds that test `table` together: their protocols in order of the folds."""
    first = protocols[0]
    folds = [protocol["split_fold"] for protocol in protocols if protocol["split_fold"] is not None]
    trained = {corpus for protocol in protocols for corpus in protocol["parts"]["train"]["corpora"]}
    facts = {
        **run_facts(first),
        "corpora trained on": sorted(trained),
        KNOWN_VOICES: not all(protocol["speaker_disjoint"] for protocol in protocols),
        CLIPS: _digest(table),
    }
    return PooledProtocol(
        sentence=_pooled_sentence(protocols, folds, table) if len(protocols) > 1 else first["sentence"],
        facts=facts,
        num_clips=len(table),
        missing=_missing(first["split_folds"], folds),
        notes=tuple(dict.fromkeys(note for protocol in protocols for note in protocol["notes"])),
    )


def differing_facts(protocols: Sequence[PooledProtocol]) -> list[str]:
    """In words, which facts differ, with their values where these can be said."""
    said = []
    for name in protocols[0].facts:
        values = list(dict.fromkeys(_said(protocol, name) for protocol in protocols))
        if len({json.dumps(protocol.facts[name], sort_keys=True) for protocol in protocols}) > 1:
            said.append(f"{name} ({'; '.join(values)})")
    return said


def _said(protocol: PooledProtocol, name: str) -> str:
    value = protocol.facts[name]
    if name == CLIPS:
        return f"{protocol.num_clips} clips{f', {protocol.missing}' if protocol.missing else ''}"
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {of_key}" for key, of_key in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else str(value)


def _missing(num_folds: int | None, folds: Sequence[int]) -> str:
    """Which folds are missing, in words; nothing where there are none, or their number is not known."""
    missing = [fold for fold in range(1, (num_folds or 0) + 1) if fold not in folds]
    if not missing or not folds:
        return ""
    named = f"fold{'s' * (len(missing) > 1)} {', '.join(map(str, missing))} of {num_folds}"
    return f"no finished run of {named}"


def _digest(table: pl.DataFrame) -> str:
    rows = table.sort("clip").select(pl.format("{}\t{}", "clip", "label"))
    return hashlib.blake2b("\n".join(rows.to_series()).encode(), digest_size=16).hexdigest()


def _pooled_sentence(protocols: Sequence[Mapping[str, Any]], folds: Sequence[int], table: pl.DataFrame) -> str:
    """As the sentence of a run, of all its folds: the sizes of a fold as ranges, the tested clips and voices in all."""
    first = protocols[0]
    changes = [f"{what} ({n} clips)" for what, n in first["merged"].items()]
    changes += [f"{what} dropped ({n} clips)" for what, n in first["dropped"].items()]
    label_set = f"label set {first['label_set']} ({len(first['labels'])} classes{''.join('; ' + c for c in changes)})"
    sizes = " / ".join(f"{_span(protocols, part)} {part}" for part in ("train", "val", "test"))
    return (
        f"{_said_corpora(first)}, {label_set}, split {first['split']} ({_said_folds(first, folds)}): "
        f"{sizes} clips a fold, {len(table)} tested in all{_without(first['labels'], table)}; "
        f"{_said_voices(protocols, table)}{_heard(protocols)}"
    )


def _said_corpora(protocol: Mapping[str, Any]) -> str:
    sources = protocol["label_sources"]
    voted = {name: sources[name] for name in protocol["corpora"] if "votes" in sources.get(name, "")}
    return " + ".join(name + (f" (labels: {voted[name]})" if name in voted else "") for name in protocol["corpora"])


def _said_folds(protocol: Mapping[str, Any], folds: Sequence[int]) -> str:
    of = protocol["split_folds"]
    said = f"all {of} folds" if len(folds) == of else f"folds {', '.join(map(str, folds))}{f' of {of}' if of else ''}"
    seed = f"seed {protocol['split_seed']}" if protocol["split_seed"] is not None else ""
    return ", ".join(word for word in (protocol["split_details"], said, seed) if word)


def _span(protocols: Sequence[Mapping[str, Any]], part: str) -> str:
    sizes = [protocol["parts"][part]["clips"] for protocol in protocols]
    return str(min(sizes)) if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"


def _without(labels: Sequence[str], table: pl.DataFrame) -> str:
    there = set(table["label"])
    absent = [label for label in labels if label not in there]
    return f" (none is {' or '.join(absent)})" if absent else ""


def _said_voices(protocols: Sequence[Mapping[str, Any]], table: pl.DataFrame) -> str:
    known = table.filter(pl.col("speaker") != "")
    tested = known.select("corpus", "speaker").n_unique()
    if not all(protocol["speakers_known"] for protocol in protocols):
        return "speakers are unknown, so those of the test may be in training too"
    if all(protocol["speaker_disjoint"] for protocol in protocols):
        return f"{tested} test speaker{'s' * (tested != 1)}, none of them in training of the fold that tests it"
    return f"of {tested} test speakers some are in training of the fold that tests them: the score of known voices"


def _heard(protocols: Sequence[Mapping[str, Any]]) -> str:
    heard = sum(protocol["shared_audio"]["train_test"] for protocol in protocols)
    return f"; {heard} test recording{'s are' if heard > 1 else ' is'} in training too" if heard else ""
