"""EmoDB, the Berlin database of emotional speech: 10 speakers, 10 German sentences, seven emotions, 535 clips.

Burkhardt et al. 2005, Interspeech, 1517-1520; version 2.0 (2025) has 816 clips by the same names. A name says
speaker, sentence, emotion (the initial of its German word) and which version of the take it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from ser_lightning.corpora.base import Origin, Scan, Utterance
from ser_lightning.corpora.folder import find_root, misplaced, scan_folder

NAME = re.compile(
    r"(?P<speaker>03|08|09|1[0-6])(?P<text>a0[12457]|b(?:0[1239]|10))(?P<emotion>[WLEAFTN])(?P<version>[a-z])",
    re.IGNORECASE,
)
SPEAKER_FOLDER = re.compile(r"(?:speaker|spk)?[_ -]?(03|08|09|1[0-6])", re.IGNORECASE)
EMOTIONS = {
    "W": "angry",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
SEXES = {
    "03": "male",
    "08": "female",
    "09": "female",
    "10": "male",
    "11": "male",
    "12": "male",
    "13": "female",
    "14": "female",
    "15": "male",
    "16": "female",
}
TEXTS = {
    "a01": "Der Lappen liegt auf dem Eisschrank",
    "a02": "Das will sie am Mittwoch abgeben",
    "a04": "Heute abend koennte ich es ihm sagen",
    "a05": "Das schwarze Stueck Papier befindet sich da oben neben dem Holzstueck",
    "a07": "In sieben Stunden wird es soweit sein",
    "b01": "Was sind denn das fuer Tueten, die da unter dem Tisch stehen",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen",
}
FOLDERS = ("EmoDB", "berlin-database-of-emotional-speech-emodb", "EmoDB 2.0", "Berlin Database of Emotional Speech")
NOT_SPEECH = ("laryngo", "lablaut", "labsilb", "silb")
"""Folders whose files bear the clips' names: laryngograms and segmentations."""

ORIGIN = Origin(
    corpus="emodb",
    title="EmoDB, Berlin Database of Emotional Speech",
    citation="Burkhardt, Paeschke, Rolfes, Sendlmeier & Weiss 2005, Interspeech, 1517-1520",
    url="https://doi.org/10.5281/zenodo.7447302",
    licence="CC BY 4.0",
)


@dataclass(frozen=True, kw_only=True)
class EmoDB:
    """EmoDB below `root`, or in a folder of its usual names in `data_dir`; raises UserError where it is not there."""

    data_dir: str
    root: str | None = None
    name: str = "emodb"

    def __post_init__(self) -> None:
        self._folder()

    def scan(self) -> Scan:
        """List the clips; one in another speaker's folder is bad."""
        folder = self._folder()
        found = scan_folder(folder, self._parse, corpus="EmoDB", example="03a02Wb.wav", skip=NOT_SPEECH)
        return replace(found, origins=(ORIGIN,))

    def _folder(self) -> Path:
        return find_root(self.root, data_dir=self.data_dir, corpus="emodb", names=FOLDERS)

    def _parse(self, path: Path) -> Utterance | str | None:
        match = NAME.fullmatch(path.stem)
        if match is None:
            return None
        speaker, text = match["speaker"], match["text"].lower()
        code, version = match["emotion"].upper(), match["version"].lower()
        reason = misplaced(path, SPEAKER_FOLDER, speaker)
        if reason is not None:
            return reason
        return Utterance(
            path=path,
            name=f"{speaker}{text}{code}{version}",
            emotion=EMOTIONS[code],
            speaker=speaker,
            corpus=self.name,
            sex=SEXES[speaker],
            text=TEXTS[text],
            take=version,
        )
