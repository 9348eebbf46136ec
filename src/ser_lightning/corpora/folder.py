"""What all corpora of files share: finding the folder, listing its audio, and telling copies apart.

A file is known by its name, never by how deep it lies: public trees come nested, renamed and unpacked twice.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter
from pathlib import Path

import polars as pl

from ser_lightning.corpora.base import Scan, Utterance
from ser_lightning.corpora.columns import columns
from ser_lightning.errors import UserError

VIDEO = frozenset({".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})
TEXT = frozenset(
    {".bib", ".csv", ".html", ".json", ".jsonl", ".md", ".rtf", ".tex", ".tsv", ".txt", ".xml", ".yaml", ".yml"}
)
OFFICE = frozenset({".doc", ".docx", ".pdf", ".xls", ".xlsx"})
PACKED = frozenset({".gz", ".npy", ".npz", ".parquet", ".tar", ".zip"})
OTHER = frozenset({".db", ".ini", ".ipynb", ".jpeg", ".jpg", ".lock", ".png", ".py"})
SEGMENTS = frozenset({".lablaut", ".labsilb", ".silb", ".textgrid"})
NOT_AUDIO = VIDEO | TEXT | OFFICE | PACKED | OTHER | SEGMENTS
"""Endings that are passed over without a word; any other ending is audio if libsndfile says so."""
PREFERRED = (".wav", ".flac", ".aiff", ".aif")
"""Where a clip is there in several types, the earlier of these is taken."""

Parse = Callable[[Path], "Utterance | str | None"]
"""From a file to its row, with `name`; or why it must not be trusted; None where the name is not the corpus's."""


def find_root(root: str | Path | None, *, data_dir: str | Path, corpus: str, names: Sequence[str]) -> Path:
    """The folder of a corpus: `root`, or the folder in `data_dir` that bears the first of `names`, ignoring case.

    Raises UserError where there is none.
    """
    if root is not None:
        folder = Path(root).expanduser()
        if not folder.is_dir():
            kind = "is a file" if folder.exists() else "does not exist"
            raise UserError(f"corpus.root must be the folder that holds {corpus}: {folder} {kind}")
        return folder
    base = Path(data_dir).expanduser()
    wanted = [_fold(name) for name in (corpus, *names)]
    found = sorted(entry for entry in base.iterdir() if entry.is_dir()) if base.is_dir() else []
    named = [entry for entry in found if _fold(entry.name) in wanted]
    if named:
        return min(named, key=lambda entry: wanted.index(_fold(entry.name)))
    there = ", ".join(entry.name for entry in found if entry.name != "cache") or "no folder"
    raise UserError(
        f"no folder of {corpus} in data_dir={base} (it holds {there}); "
        f"say where it is: corpus.root=DIR, or place it as {base / corpus}; "
        f"python -m ser_lightning.download corpus={corpus} fetches it, or says where to ask for it"
    )


def scan_folder(root: Path, parse: Parse, *, corpus: str, example: str, skip: Sequence[str] = ()) -> Scan:
    """Every clip below `root` once, by its name; copies, other types and foreign names are told in the notes.

    Folders whose name is in `skip`, ignoring case, are not entered. Raises UserError where no file bears a name of
    the corpus.
    """
    with _uncollected():
        return _scanned(root, audio_files(root, skip=skip), parse, corpus=corpus, example=example)


def _scanned(root: Path, paths: Iterator[Path], parse: Parse, *, corpus: str, example: str) -> Scan:
    clips: dict[str, list[Utterance]] = {}
    foreign: list[Path] = []
    bad: list[tuple[str, str]] = []
    for path in paths:
        parsed = parse(path)
        if parsed is None:
            foreign.append(path)
        elif isinstance(parsed, str):
            bad.append((str(path), parsed))
        else:
            clips.setdefault(parsed.name, []).append(parsed)
    if not clips and not bad:
        seen = f"{len(foreign)} other files, such as {foreign[0].name}" if foreign else "no audio file"
        raise UserError(f"{corpus}: no file below {root} is named like {example}; found {seen}")
    return replace(_one_each(clips, foreign, root), bad=tuple(bad))


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: rows by the hundred thousand would set it off again and again, for nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def narrowed(found: Scan, clips: pl.DataFrame) -> Scan:
    """What was found with these of its clips only, and their copies."""
    kept = set(clips["path"])
    copies = tuple(pair for pair in found.copies if str(pair[0]) in kept)
    return replace(found, clips=clips, copies=copies)


def misplaced(path: Path, folders: re.Pattern[str], speaker: str, *, word: str = "speaker") -> str | None:
    """Why a clip must not be trusted: its folder, where that matches `folders`, names another speaker (group 1)."""
    folder = folders.fullmatch(path.parts[-2] if len(path.parts) > 1 else "")
    if folder is None or folder[1].upper() == speaker:
        return None
    return f"lies in the folder of {word} {folder[1].upper()}, but its name says {word} {speaker}"


def known_oddities(found: Scan, oddities: Mapping[tuple[str, ...], str]) -> tuple[str, ...]:
    """One note on what is odd in the official release, `{clips of one recording: what}`, of those that are there."""
    names = set(found.clips["name"])
    told: dict[str, list[str]] = {}
    for clips, what in oddities.items():
        if names.issuperset(clips):
            told.setdefault(what, []).append(" = ".join(clips))
    odd = "; ".join(f"{', '.join(clips)} ({what})" for what, clips in told.items())
    return (f"known in the official release: {odd}",) if odd else ()


def audio_files(root: Path, *, skip: Sequence[str] = ()) -> Iterator[Path]:
    """Every file below `root` that may be audio, in a fixed order, links followed once, hidden ones passed over."""
    unwanted = {name.lower() for name in skip}
    entered: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True, onerror=_refuse_folder):
        real = os.path.realpath(folder)
        if real in entered:  # a link back up would lead round for ever
            folders.clear()
            continue
        entered.add(real)
        wanted = (name for name in folders if name.lower() not in unwanted)
        folders[:] = sorted(name for name in wanted if not name.startswith((".", "__MACOSX")))
        here = Path(folder)
        for name in sorted(files):
            if not name.startswith(".") and _ending(name) not in NOT_AUDIO:
                yield here / name


def _refuse_folder(error: OSError) -> None:
    raise UserError(f"a folder cannot be read: {error.filename}: {error.strerror}; give access to it, or move it away")


def _one_each(clips: dict[str, list[Utterance]], foreign: list[Path], root: Path) -> Scan:
    utterances: list[Utterance] = []
    copies: list[tuple[Path, Path]] = []
    other_types = 0
    for key in sorted(clips):
        (preference, kept), *rest = sorted(((_preference(row.path), row) for row in clips[key]), key=itemgetter(0))
        utterances.append(kept)
        same_type = [row.path for (_, ending, *_), row in rest if ending == preference[1]]
        copies.extend((kept.path, path) for path in same_type)
        other_types += len(rest) - len(same_type)
    notes = []
    if copies:
        notes.append(
            f"{len(copies)} of {len(utterances) + len(copies)} files are further copies of a clip "
            f"(the tree below {root} holds it twice, such as {copies[0][1]}); each clip is used once"
        )
    if other_types:
        notes.append(f"{other_types} files are other types of clips that are there as {PREFERRED[0]} or the like")
    if foreign:
        notes.append(f"{len(foreign)} files below {root} bear no name of the corpus, such as {foreign[0].name}")
    return Scan(clips=columns(utterances), copies=tuple(copies), notes=tuple(notes))


def _preference(path: Path) -> tuple[int, str, int, tuple[str, ...]]:
    """Rank of the type, its ending, how deep the file lies, and where; a Path's text would take most of the time."""
    parts = path.parts
    ending = _ending(parts[-1])
    rank = PREFERRED.index(ending) if ending in PREFERRED else len(PREFERRED)
    return rank, ending, len(parts), parts


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 (a Path for each of 100,000 names takes a second)


def _fold(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
