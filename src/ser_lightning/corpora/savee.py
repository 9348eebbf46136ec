"""SAVEE, Surrey Audio-Visual Expressed Emotion: 4 male speakers, seven emotions, 480 clips.

Haq & Jackson 2009, AVSP; free for research after registration. The name says emotion and sentence; in the official
tree only the folder says who speaks, and each of its four folders has an a01.wav.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from ser_lightning.corpora.base import Origin, Scan, Utterance
from ser_lightning.corpora.folder import find_root, misplaced, scan_folder

NAME = re.compile(
    r"(?:(?P<speaker>DC|JE|JK|KL)_?)?"
    r"(?:(?P<emotion>sa|su|[adfh])(?P<sentence>0[1-9]|1[0-5])|n(?P<neutral>0[1-9]|[12]\d|30))",
    re.IGNORECASE,
)
SPEAKER_FOLDER = re.compile(r"(DC|JE|JK|KL)", re.IGNORECASE)
EMOTIONS = {"a": "angry", "d": "disgust", "f": "fear", "h": "happy", "n": "neutral", "sa": "sad", "su": "surprise"}
FOLDERS = ("SAVEE", "surrey-audiovisual-expressed-emotion-savee", "SAVEE Database", "AudioData")
TEXTS_NOTE = (
    "SAVEE's texts are known by emotion and number only (such as a04): 3 of 15 sentences are common to all emotions, "
    "and each neutral one is another emotion's too, but names do not tell which; no split can promise texts apart"
)

ORIGIN = Origin(
    corpus="savee",
    title="SAVEE, Surrey Audio-Visual Expressed Emotion",
    citation="Haq & Jackson 2009, Speaker-dependent audio-visual emotion recognition, AVSP",
    url="http://kahlan.eps.surrey.ac.uk/savee",
    licence="research only, after registration; no redistribution",
    texts_per_emotion=True,
)


@dataclass(frozen=True, kw_only=True)
class Savee:
    """SAVEE below `root`, or in a folder of its usual names in `data_dir`; raises UserError where it is not there."""

    data_dir: str
    root: str | None = None
    name: str = "savee"

    def __post_init__(self) -> None:
        self._folder()

    def scan(self) -> Scan:
        """List the clips; one whose speaker neither name nor folder tells, or on whom they differ, is bad."""
        found = scan_folder(self._folder(), self._parse, corpus="SAVEE", example="DC_a01.wav or DC/a01.wav")
        return replace(found, origins=(ORIGIN,), notes=(*found.notes, TEXTS_NOTE))

    def _folder(self) -> Path:
        return find_root(self.root, data_dir=self.data_dir, corpus="savee", names=FOLDERS)

    def _parse(self, path: Path) -> Utterance | str | None:
        match = NAME.fullmatch(path.stem)
        if match is None:
            return None
        folder = SPEAKER_FOLDER.fullmatch(path.parent.name)
        speaker = (match["speaker"] or (folder[1] if folder else "")).upper()
        if not speaker:
            return "does not say whose voice it is: place it in a folder DC, JE, JK or KL, or name it like DC_a01.wav"
        reason = misplaced(path, SPEAKER_FOLDER, speaker)
        if reason is not None:
            return reason
        code = (match["emotion"] or "n").lower()
        text = code + (match["sentence"] or match["neutral"])
        return Utterance(
            path=path,
            name=f"{speaker}_{text}",
            emotion=EMOTIONS[code],
            speaker=speaker,
            corpus=self.name,
            sex="male",
            text=text,
        )
