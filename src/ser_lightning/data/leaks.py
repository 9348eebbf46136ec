"""What two parts of a split share: speakers, recordings, texts, takes. Looked at before training, on every run.

A recording is known by its samples (`recording`, see data/recordings.py), not by its name, so that a copy under
another actor's name, at another level or as an MP3 is found too. Shared audio makes a score meaningless; shared
speakers, texts and takes change what it means, and are counted beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

import polars as pl

from ser_lightning.data.parts import PAIRS
from ser_lightning.data.speakers import voices
from ser_lightning.data.splits.texts import spoken
from ser_lightning.errors import UserError

Policy = Literal["error", "warn", "allow"]
KINDS = {
    "speakers": "speakers",
    "identical_audio": "identical audio",
    "near_identical_audio": "near-identical audio",
    "texts": "texts",
    "takes": "takes of one line",
}
"""What is counted, and how the terminal calls it. Takes: one speaker, text, emotion and intensity, said again."""
AUDIO = ("identical_audio", "near_identical_audio")
MOST_NAMED = 10
"""Recordings that are named on the terminal, all are in leaks.json;"""
MOST_CLIPS = 5
"""and of each recording so many clips."""


class Recording(TypedDict):
    """Clips that are one recording, each with its label, speaker and part; no part where it is left out.

    The label is the emotion where no class takes it.
    """

    clips: list[str]
    labels: list[str]
    speakers: list[str]
    parts: list[str | None]
    identical: bool


@dataclass(frozen=True)
class Leaks:
    """Counts of what each two parts share, by kind and by pair of parts; and every recording that is there twice."""

    policy: Policy
    shared: dict[str, dict[str, int]]
    recordings: list[Recording]
    num_copies: int

    @property
    def torn(self) -> list[Recording]:
        """The recordings that lie in several parts."""
        return [one for one in self.recordings if len(set(one["parts"]) - {None}) > 1]

    @property
    def shared_audio(self) -> dict[str, int]:
        """How many recordings each two parts share."""
        parts = [set(one["parts"]) for one in self.recordings]
        return {f"{a}_{b}": sum(a in held and b in held for held in parts) for a, b in PAIRS}

    @property
    def two_names(self) -> list[Recording]:
        """The recordings that bear the names of several speakers of one corpus: one of them must be wrong."""
        return [one for one in self.recordings if _num_names(one) > 1]

    @property
    def two_corpora(self) -> list[Recording]:
        """The recordings that several corpora have."""
        return [one for one in self.recordings if len({voice.split("/")[0] for voice in one["speakers"]}) > 1]


UNCHECKED = Leaks("allow", {}, [], 0)
"""Of parts that another process compares."""


def find_leaks(table: pl.DataFrame, twins: pl.DataFrame, *, policy: Policy, num_copies: int = 0) -> Leaks:
    """Compare the parts of a table (columns clip, corpus, speaker, text, emotion, intensity, hash, recording, part).

    `twins` are all clips whose recording is there more than once, with their label, also those that are left out;
    `num_copies` is how many files were passed over as further copies of a clip. Raises UserError where the policy
    is `error` and two parts share audio.
    """
    leaks = Leaks(policy, shared(table), _recordings(table, twins), num_copies)
    if policy == "error" and leaks.torn:
        raise UserError(
            f"{len(leaks.torn)} recordings lie in several parts, so the score would be of clips already heard: "
            f"{'; '.join(_named(one) for one in leaks.torn[:MOST_NAMED])}"
            f"{'; ...' if len(leaks.torn) > MOST_NAMED else ''}. Put each in one part, or choose a split that does "
            "(random, speaker, kfold, ...); leaks=warn trains nevertheless and says so"
        )
    return leaks


def shared(table: pl.DataFrame) -> dict[str, dict[str, int]]:
    """How many of each kind lie in both of two parts."""
    table = table.with_columns(text=spoken(table), voice=voices(table))
    text, voice = pl.col("text"), pl.col("voice")
    has_speaker, has_text = pl.col("speaker") != "", text != ""
    line = pl.concat_str(voice, text, "emotion", "intensity", separator="\0")
    values = {
        "speakers": pl.when(has_speaker).then(voice),
        "identical_audio": pl.col("hash"),
        "texts": pl.when(has_text).then(text),
        "takes": pl.when(has_speaker & has_text).then(line),
    }
    counts = {kind: _in_both(table.select("part", value=value)) for kind, value in values.items()}
    return {kind: counts.get(kind, {}) or _near(table) for kind in KINDS}


def _near(table: pl.DataFrame) -> dict[str, int]:
    """Recordings that lie in both parts of each pair, of which no two clips there are identical."""
    clips = table.select("part", "recording", "hash").filter(pl.col("recording").is_duplicated())
    held = {name: clips.group_by(name).agg("part") for name in ("recording", "hash")}
    identical = clips.select("recording", "hash").unique()
    counts = {}
    for a, b in PAIRS:
        both = pl.col("part").list.contains(a) & pl.col("part").list.contains(b)
        exact = identical.join(held["hash"].filter(both), on="hash", how="semi")
        counts[f"{a}_{b}"] = held["recording"].filter(both).join(exact, on="recording", how="anti").height
    return counts


def _in_both(values: pl.DataFrame) -> dict[str, int]:
    """Distinct values that lie in both parts of each pair."""
    held = values.drop_nulls().unique().group_by("value").agg("part")
    return {
        f"{a}_{b}": held.filter(pl.col("part").list.contains(a) & pl.col("part").list.contains(b)).height
        for a, b in PAIRS
    }


def _recordings(table: pl.DataFrame, twins: pl.DataFrame) -> list[Recording]:
    placed = twins.join(table.select("clip", "part"), on="clip", how="left", maintain_order="left")
    placed = placed.with_columns(voice=voices(placed), label=pl.coalesce("label", "emotion"))
    groups = placed.group_by("recording", maintain_order=True)
    return [
        Recording(
            clips=row["clip"],
            labels=row["label"],
            speakers=row["voice"],
            parts=row["part"],
            identical=len(set(row["hash"])) == 1,
        )
        for row in groups.agg("clip", "label", "part", "hash", "voice").iter_rows(named=True)
    ]


def _num_names(recording: Recording) -> int:
    """The largest number of known speakers that one corpus gives a recording."""
    voices = {tuple(voice.split("/", 1)) for voice in recording["speakers"]}
    corpora = [corpus for corpus, speaker in voices if speaker]
    return max((corpora.count(corpus) for corpus in corpora), default=0)


def _likeness(recording: Recording) -> str:
    return "identical" if recording["identical"] else "near-identical"


def _named(recording: Recording) -> str:
    places = zip(recording["clips"], recording["parts"], strict=True)
    return _listed([f"{clip} ({part})" for clip, part in places if part is not None], " = ")


def _listed(clips: Sequence[str], sign: str = ", ") -> str:
    return sign.join(clips[:MOST_CLIPS]) + (f"{sign}..." if len(clips) > MOST_CLIPS else "")


def leak_notes(leaks: Leaks) -> list[str]:
    """What a reader of the score must know of recordings that are there several times: where, and as whose."""
    notes = [f"shared between parts, the same recording: {_named(one)}" for one in leaks.torn]
    notes += [
        f"one recording under several speakers' names ({' and '.join(dict.fromkeys(one['speakers']))}): "
        f"{', '.join(one['clips'])}; one of the names is wrong"
        for one in leaks.two_names
    ]
    whole = [one for one in leaks.recordings if len(set(one["parts"])) == 1 and None not in one["parts"]]
    notes += [f"{_likeness(one)} audio, kept in one part: {_listed(one['clips'])}" for one in whole]
    notes += [f"one recording in several corpora: {', '.join(one['clips'])}" for one in leaks.two_corpora]
    more = [f"and {len(notes) - MOST_NAMED} more, see leaks.json"] if len(notes) > MOST_NAMED else []
    return notes[:MOST_NAMED] + more


def leaks_file(leaks: Leaks) -> dict[str, object]:
    """What leaks.json holds."""
    return {
        "policy": leaks.policy,
        "shared": leaks.shared,
        "in_several_parts": leaks.torn,
        "under_several_speakers": leaks.two_names,
        "recordings": leaks.recordings,
        "further_copies": leaks.num_copies,
    }
