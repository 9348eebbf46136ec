"""RAVDESS: 24 actors, speech (1,440 clips, eight emotions) and song (1,012 clips, six).

Livingstone & Russo 2018, PLoS ONE 13(5): e0196391, doi 10.5281/zenodo.1188976, CC BY-NC-SA 4.0. The file name
says everything: modality-channel-emotion-intensity-statement-repetition-actor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ser_lightning.corpora.base import Origin, Scan, Utterance
from ser_lightning.corpora.folder import find_root, known_oddities, misplaced, narrowed, scan_folder
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
ACTOR_FOLDER = re.compile(r"actor[_ -]?(\d\d)", re.IGNORECASE)
AUDIO_ONLY = "03"
FOLDERS = ("RAVDESS", "ravdess-emotional-speech-audio")
CHANNEL_FOLDERS = {
    "speech": ("Audio_Speech_Actors_01-24", "Audio_Speech_Actors_01-24_16k"),
    "song": ("Audio_Song_Actors_01-24",),
    "both": (),
}
"""Folders that hold one channel only, so they are no answer where the other is asked for."""
ODDITIES: dict[tuple[str, ...], str] = {("03-01-03-01-02-01-07", "03-01-03-01-02-02-07"): "the same recording"}

ORIGIN = Origin(
    corpus="ravdess",
    title="RAVDESS, Ryerson Audio-Visual Database of Emotional Speech and Song",
    citation="Livingstone & Russo 2018, PLoS ONE 13(5): e0196391",
    url="https://doi.org/10.5281/zenodo.1188976",
    licence="CC BY-NC-SA 4.0",
)


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
        wanted = found.clips.filter([self._is_wanted(name) for name in found.clips["name"]])
        if wanted.is_empty() and not found.bad:
            raise UserError(
                f"no {self.channel} clip of RAVDESS is below {self._folder()}, only {len(found.clips)} of the "
                "other channel; set corpus.channel, or corpus.root to the folder of both"
            )
        chosen = narrowed(found, wanted)
        left_out = self._left_out(len(found.clips) - len(wanted))
        notes = (*found.notes, *left_out, *known_oddities(chosen, ODDITIES))
        return replace(chosen, origins=(ORIGIN,), notes=notes)

    def _is_wanted(self, name: str) -> bool:
        return self.channel in ("both", CHANNELS[name.split("-")[1]])

    def _left_out(self, count: int) -> tuple[str, ...]:
        other = "song" if self.channel == "speech" else "speech"
        return (f"{count} {other} clips are left out (corpus.channel={self.channel})",) if count else ()

    def _folder(self) -> Path:
        names = (*FOLDERS, *CHANNEL_FOLDERS[self.channel])
        return find_root(self.root, data_dir=self.data_dir, corpus="ravdess", names=names)

    def _parse(self, path: Path) -> Utterance | str | None:
        match = NAME.fullmatch(path.stem)
        if match is None or match["modality"] != AUDIO_ONLY:
            return None
        actor = match["actor"]
        reason = misplaced(path, ACTOR_FOLDER, actor, word="actor")
        if reason is not None and self._is_wanted(match[0]):
            return reason
        return Utterance(
            path=path,
            name=match[0],
            emotion=EMOTIONS[match["emotion"]],
            speaker=f"actor{actor}",
            corpus=self.name,
            sex="male" if int(actor) % 2 else "female",
            text=STATEMENTS[match["statement"]],
            intensity=INTENSITIES[match["intensity"]],
            take=match["repetition"].lstrip("0"),
        )
