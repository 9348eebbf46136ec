"""CREMA-D: 91 actors, 12 sentences, six emotions, 7,442 clips, each with the votes of about ten listeners.

Cao et al. 2014, IEEE TAFFC 5(4):377-390, doi 10.1109/TAFFC.2014.2336244, ODbL 1.0. The name says the emotion that was
acted; by voice alone most listeners heard that one in 3,099 clips only, so whose labels these are is an option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from ser_lightning.corpora.base import Defect, Origin, Scan, Utterance
from ser_lightning.corpora.cremad_votes import WHO, Labels, by_votes, canonical, find_votes, read_votes
from ser_lightning.corpora.folder import audio_files, find_root, known_oddities, misplaced, narrowed, scan_folder
from ser_lightning.errors import UserError

NAME = re.compile(
    r"(?P<actor>10(?:0[1-9]|[1-8]\d|9[01]))_(?P<sentence>IEO|TIE|IOM|IWW|TAI|MTI|IWL|ITH|DFA|ITS|TSI|WSI)"
    r"_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)_(?P<level>LO|MD|HI|XX?)"
)
ACTOR_FOLDER = re.compile(r"(?:actor|speaker)?[_ -]?(10\d\d)", re.IGNORECASE)
EMOTIONS = {"ANG": "angry", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral", "SAD": "sad"}
INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high", "XX": "", "X": ""}
SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
MALE = frozenset(
    {1001, 1005, 1011, *range(1014, 1018), 1019, 1022, 1023, 1026, 1027, *range(1031, 1037), *range(1038, 1043)}
    | {1044, 1045, 1048, 1050, 1051, 1057, 1059, 1062, *range(1064, 1072), 1077, 1080, 1081, 1083, *range(1085, 1089)}
    | {1090}
)
FOLDERS = ("CREMA-D", "CREMA-D-master", "crema-d-mirror", "AudioWAV")
NOT_READ = ("AudioMP3", "VideoFlash")
"""Folders of the repository that hold the clips again, as video or as MP3s of which some are not the clip."""
MP3_ONLY = "of the published MP3s 27 share their sound with another and others are damaged: fetch the folder AudioWAV"
SILENT = "1076_MTI_SAD_XX"
TWO_LABELS = "one file under two emotions"
ODDITIES: dict[tuple[str, ...], str] = {
    ("1006_TIE_HAP_XX", "1006_TIE_NEU_XX"): TWO_LABELS,
    ("1013_WSI_DIS_XX", "1013_WSI_SAD_XX"): TWO_LABELS,
    ("1017_IWW_ANG_XX", "1017_IWW_FEA_XX"): TWO_LABELS,
}

ORIGIN = Origin(
    corpus="cremad",
    title="CREMA-D, Crowd-sourced Emotional Multimodal Actors Dataset",
    citation="Cao, Cooper, Keutmann, Gur, Nenkova & Verma 2014, IEEE TAFFC 5(4):377-390",
    url="https://github.com/CheyneyComputerScience/CREMA-D",
    licence="ODbL 1.0, contents DbCL 1.0",
)


@dataclass(frozen=True, kw_only=True)
class CremaD:
    """CREMA-D below `root`, or in a folder of its usual names in `data_dir`; raises UserError where it is not there.

    `labels` are the acted emotions, or what most listeners chose by voice or by voice and face; `soft` adds their
    shares as targets. `votes` is a folder that holds the published votes, where they are not beside the clips.
    """

    data_dir: str
    root: str | None = None
    labels: Labels = "acted"
    soft: bool = False
    votes: str | None = None
    name: str = "cremad"

    def __post_init__(self) -> None:
        unused = [key for key, used in (("soft", self.soft), ("votes", self.votes is not None)) if used]
        if self.labels == "acted" and unused:
            raise UserError(
                f"corpus.{key} needs votes: set corpus.labels=voice or audiovisual, or leave {key} out"
                for key in unused
            )
        folder = self._folder()
        if self.labels != "acted":
            find_votes(folder, self.votes)

    def scan(self) -> Scan:
        """List the clips by the chosen labels; one in another actor's folder, or there as MP3 only, is bad."""
        found = self._clips()
        defects = tuple(
            Defect(path=path, error="is silent throughout", note=f"{SILENT} has no sound")
            for path in found.clips.filter(pl.col("name") == SILENT)["path"]
        )
        notes = (*found.notes, *known_oddities(found, ODDITIES))
        found = replace(found, origins=(ORIGIN,), notes=notes, defects=defects)
        return found if self.labels == "acted" else self._by_votes(found)

    def _by_votes(self, found: Scan) -> Scan:
        votes = read_votes(find_votes(self._folder(), self.votes), self.labels)
        clips, ties = by_votes(found.clips, votes, labels=self.labels, soft=self.soft)
        target = ", distribution as target" if self.soft else ""
        origin = replace(ORIGIN, labels=f"plurality of {WHO[self.labels]}{target}")
        tied = found.clips.join(clips, on="path", how="anti", maintain_order="left")
        left_out = tuple((path, f"its {WHO[self.labels]} are tied") for path in tied["path"])
        return replace(narrowed(found, clips), origins=(origin,), notes=(*found.notes, *ties), left_out=left_out)

    def _folder(self) -> Path:
        return find_root(self.root, data_dir=self.data_dir, corpus="cremad", names=FOLDERS)

    def _clips(self) -> Scan:
        """What is there but MP3s; raises UserError where there is nothing else."""
        folder = self._folder()
        only_mp3 = UserError(f"{folder} holds CREMA-D as MP3 only; {MP3_ONLY}")
        try:
            found = scan_folder(folder, self._parse, corpus="CREMA-D", example="1001_DFA_ANG_XX.wav", skip=NOT_READ)
        except UserError:
            if any(NAME.fullmatch(path.stem.upper()) for path in audio_files(folder)):
                raise only_mp3 from None
            raise
        is_mp3 = pl.col("path").str.to_lowercase().str.ends_with(".mp3")
        mp3, usable = found.clips.filter(is_mp3), found.clips.filter(~is_mp3)
        if len(mp3) and usable.is_empty():
            raise only_mp3
        bad = tuple((path, f"is an MP3; {MP3_ONLY}") for path in mp3["path"])
        return replace(narrowed(found, usable), bad=(*found.bad, *bad))

    def _parse(self, path: Path) -> Utterance | str | None:
        match = NAME.fullmatch(path.stem.upper())
        if match is None:
            return None
        actor, sentence, emotion, level = match.groups()
        reason = misplaced(path, ACTOR_FOLDER, actor, word="actor")
        if reason is not None:
            return reason
        return Utterance(
            path=path,
            name=canonical(match[0]),
            emotion=EMOTIONS[emotion],
            speaker=actor,
            corpus=self.name,
            sex="male" if int(actor) in MALE else "female",
            text=SENTENCES[sentence],
            intensity=INTENSITIES[level],
        )
