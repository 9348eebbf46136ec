"""RAVDESS: 24 actors, speech (1,440 clips, eight emotions) and song (1,012 clips, six).

Livingstone & Russo 2018, PLoS ONE 13(5): e0196391, doi 10.5281/zenodo.1188976, CC BY-NC-SA 4.0. The file name
says everything: modality-channel-emotion-intensity-statement-repetition-actor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ser_lightning.corpora.base import Scan, Utterance
from ser_lightning.corpora.folder import find_root, scan_folder
from ser_lightning.errors import UserError

NAME = re.compile(
    r"(?P<modality>0[1-3])-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<statement>0[12])-(?P<repetition>0[12])-(?P<actor>0[1-9]|1\d|2[0-4])"
)
EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
INTENSITIES = {"01": "normal", "02": "strong"}
CHANNELS = {"01": "speech", "02": "song"}
AUDIO_ONLY = "03"
FOLDERS = ("RAVDESS", "ravdess-emotional-speech-audio")
CHANNEL_FOLDERS = {
    "speech": ("Audio_Speech_Actors_01-24", "Audio_Speech_Actors_01-24_16k"),
    "song": ("Audio_Song_Actors_01-24",),
    "both": (),
}
"""Folders that hold one channel only, so they are no answer where the other is asked for."""


@dataclass(frozen=True, kw_only=True)
class Ravdess:
    """RAVDESS below `root`, or in a folder of its usual names in `data_dir`; raises UserError where it is not there."""

    data_dir: str
    root: str | None = None
    channel: Literal["speech", "song", "both"] = "speech"
    name: str = "ravdess"

    def __post_init__(self) -> None:
        self._folder()

    def scan(self) -> Scan:
        """List the clips of the chosen channel; a clip in another actor's folder is bad.

        Raises UserError where there is none.
        """
        found = scan_folder(self._folder(), self._parse, corpus="RAVDESS", example="03-01-05-02-01-01-12.wav")
        wanted = [row for row in found.utterances if self.channel in ("both", _channel(row.path))]
        if not wanted:
            raise UserError(
                f"no {self.channel} clip of RAVDESS is below {self._folder()}, only {len(found.utterances)} of the "
                "other channel; set corpus.channel, or corpus.root to the folder of both"
            )
        bad = [(str(row.path), _foreign_folder(row)) for row in wanted if _foreign_folder(row)]
        spoilt = {path for path, _ in bad}
        rows = tuple(row for row in wanted if str(row.path) not in spoilt)
        kept = {row.path for row in rows}
        copies = tuple(pair for pair in found.copies if pair[0] in kept)
        return replace(
            found,
            utterances=rows,
            copies=copies,
            notes=found.notes + self._left_out(found, wanted),
            bad=tuple(bad),
        )

    def _left_out(self, found: Scan, wanted: list[Utterance]) -> tuple[str, ...]:
        count = len(found.utterances) - len(wanted)
        other = "song" if self.channel == "speech" else "speech"
        return (f"{count} {other} clips are left out (corpus.channel={self.channel})",) if count else ()

    def _folder(self) -> Path:
        names = (*FOLDERS, *CHANNEL_FOLDERS[self.channel])
        return find_root(self.root, data_dir=self.data_dir, corpus="ravdess", names=names)

    def _parse(self, path: Path) -> tuple[str, Utterance] | None:
        match = NAME.fullmatch(path.stem)
        if match is None or match["modality"] != AUDIO_ONLY:
            return None
        utterance = Utterance(
            path=path,
            emotion=EMOTIONS[match["emotion"]],
            speaker=f"actor{match['actor']}",
            corpus=self.name,
            sex="male" if int(match["actor"]) % 2 else "female",
            text=STATEMENTS[match["statement"]],
            intensity=INTENSITIES[match["intensity"]],
            take=match["repetition"].lstrip("0"),
        )
        # A stray file is no copy of the clip whose name it bears: it must not stand in for it.
        return path.stem + _foreign_folder(utterance), utterance


def _channel(path: Path) -> str:
    return CHANNELS[path.stem.split("-")[1]]


def _foreign_folder(row: Utterance) -> str:
    """Why a clip cannot be trusted: it lies in a folder of another actor than its name says; else empty."""
    folder = re.fullmatch(r"actor_(\d\d)", row.path.parent.name.lower())
    if folder is None or f"actor{folder[1]}" == row.speaker:
        return ""
    return f"lies in the folder of actor {folder[1]}, but its name says actor {row.speaker[-2:]}"
