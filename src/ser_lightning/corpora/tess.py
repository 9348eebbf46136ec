"""TESS, the Toronto emotional speech set: 2 speakers, 200 words in one carrier phrase, seven emotions, 2,800 clips.

Pichora-Fuller & Dupuis 2020, doi 10.5683/SP2/E8H2MF, CC BY-NC-ND 4.0. Emotion and word come from the file name;
folders spell the emotion in many ways, and only the speaker is read from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from ser_lightning.corpora.base import Origin, Scan, Utterance
from ser_lightning.corpora.folder import find_root, known_oddities, misplaced, scan_folder

NAME = re.compile(
    r"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)",
    re.IGNORECASE,
)
SPEAKER_FOLDER = re.compile(r"(OAF|YAF)(?:[_ -].*)?", re.IGNORECASE)
PLEASANT_SURPRISE = "ps"
FOLDERS = (
    "TESS",
    "TESS Toronto emotional speech set data",
    "toronto-emotional-speech-set-tess",
    "TESS_Toronto_emotional_speech_set_data",
    "TESS_Toronto_emotional_speech_set",
)
ODDITIES: dict[tuple[str, ...], str] = {
    ("OAF_bite_neutral",): "named OA_bite_neutral",
    ("OAF_food_fear",): "at 96 kHz",
    ("YAF_germ_angry",): "AIFF named .wav",
    ("YAF_neat_fear",): "AIFF named .wav",
}

ORIGIN = Origin(
    corpus="tess",
    title="TESS, Toronto emotional speech set",
    citation="Pichora-Fuller & Dupuis 2020, Toronto emotional speech set (TESS), Borealis",
    url="https://doi.org/10.5683/SP2/E8H2MF",
    licence="CC BY-NC-ND 4.0",
)


@dataclass(frozen=True, kw_only=True)
class Tess:
    """TESS below `root`, or in a folder of its usual names in `data_dir`; raises UserError where it is not there."""

    data_dir: str
    root: str | None = None
    name: str = "tess"

    def __post_init__(self) -> None:
        self._folder()

    def scan(self) -> Scan:
        """List the clips; `OA_bite_neutral`, misspelt in the official data, is OAF's.

        A clip in the other speaker's folder is bad.
        """
        found = scan_folder(self._folder(), self._parse, corpus="TESS", example="OAF_back_angry.wav")
        return replace(found, origins=(ORIGIN,), notes=(*found.notes, *known_oddities(found, ODDITIES)))

    def _folder(self) -> Path:
        return find_root(self.root, data_dir=self.data_dir, corpus="tess", names=FOLDERS)

    def _parse(self, path: Path) -> Utterance | str | None:
        match = NAME.fullmatch(path.stem)
        if match is None:
            return None
        speaker = "YAF" if match["speaker"].upper() == "YAF" else "OAF"
        reason = misplaced(path, SPEAKER_FOLDER, speaker)
        if reason is not None:
            return reason
        word, code = match["word"].lower(), match["emotion"].lower()
        emotion = "surprise" if code == PLEASANT_SURPRISE else code
        return Utterance(
            path=path,
            name=f"{speaker}_{word}_{code}",
            emotion=emotion,
            speaker=speaker,
            corpus=self.name,
            sex="female",
            text=f"Say the word {word}",
            take="1",
        )
