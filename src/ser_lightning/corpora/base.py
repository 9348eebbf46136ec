"""What every corpus parser gives: its clips, and all that was noticed on the way.

A parser never decodes audio and never resolves a doubt in silence: what it leaves out or finds odd it names in
`notes`, a file that must not be used as it is in `bad`; what makes the whole corpus unusable it raises as UserError.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from ser_lightning.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """One clip: where it is, and what its corpus says of it.

    `emotion` is a canonical name (see `ser_lightning.emotions`). `name` is the clip's name in its corpus, the same in
    every layout, by which published lists know it; empty where it is the file's name. `votes` holds (emotion, share)
    where listeners voted. `start` and `end` cut a segment, in seconds; None means the whole file. Unknown text
    fields are empty.
    """

    path: Path
    emotion: str
    speaker: str
    corpus: str
    sex: str = ""
    text: str = ""
    intensity: str = ""
    take: str = ""
    name: str = ""
    votes: tuple[tuple[str, float], ...] = ()
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a corpus comes from, as a data card or a protocol tells it.

    `labels` says what the emotion labels are: `acted`, as the speakers were asked to; or whose votes they are.
    With `texts_per_emotion` texts are numbered within each emotion, and which of them emotions share is not known.
    """

    corpus: str
    title: str = ""
    citation: str = ""
    url: str = ""
    licence: str = ""
    labels: str = "acted"
    texts_per_emotion: bool = False


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A file of the official release that is known to fail: it is left out by name, and never stops a run.

    `error` is the start of what reading it says; any other failure of it counts like that of any file.
    """

    path: str
    error: str
    note: str


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What a corpus folder holds, and where that comes from.

    `clips` has the columns of `ser_lightning.corpora.columns`, which makes them of Utterances too. `copies` pairs
    each kept file with a further file of the same name, of a tree that was unpacked twice; preparing checks that
    their samples agree. `bad` holds (path, reason): such a file stops a run unless `on_bad_audio=skip` leaves it
    out. `left_out` holds (path, reason) of what an option leaves out.
    """

    clips: pl.DataFrame
    origins: tuple[Origin, ...] = ()
    copies: tuple[tuple[Path, Path], ...] = ()
    notes: tuple[str, ...] = ()
    bad: tuple[tuple[str, str], ...] = ()
    defects: tuple[Defect, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


class Corpus(Protocol):
    """A corpus knows its name and lists its clips; `root` is where it was found."""

    @property
    def name(self) -> str:
        """The name used in clip ids, predictions and protocols."""
        ...

    def scan(self) -> Scan:
        """List every clip below the corpus's folder, in a fixed order."""
        ...


def check_name(name: str, where: str) -> None:
    r"""Raise UserError where a corpus's name, which is part of a folder's name in the cache, would lead out of it.

    >>> check_name("../a", "corpus.name")
    Traceback (most recent call last):
        ...
    ser_lightning.errors.UserError: corpus.name: the name '../a' becomes part of a folder's; it must have no / \ or ..
    """
    if any(part in name for part in ("/", "\\", "..", "\0")):
        raise UserError(f"{where}: the name {name!r} becomes part of a folder's; it must have no / \\ or ..")
