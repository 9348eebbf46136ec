"""The files of an EmoBox checkout: data/<corpus>/fold_<k>/<corpus>_{train,test}_fold_<k>.json, or .jsonl.

A file maps keys to {wav, length, emo, dataset, channel}; of these only the stem of wav is used, the clip's name in
its corpus. EmoDB has each file twice, as fold_1 and fold1.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from ser_lightning.data.splits.listed import check_list
from ser_lightning.errors import UserError

NEEDS = "split=emobox needs a checkout of https://github.com/emo-box/EmoBox: split.root=DIR"
FOLD = re.compile(r"fold_?(\d+)")
PATHS = ("wav", "audio")
"""Where an entry has its file; some .jsonl say audio."""


def data_folder(root: str | None) -> Path:
    """The folder of the corpora in a checkout, or in what is already that folder; raises UserError."""
    if not root:
        raise UserError(NEEDS)
    given = Path(root).expanduser()
    for folder in (given / "data", given):
        if folder.is_dir() and any(fold_folders(path) for path in folder.iterdir()):
            return folder
    what = "holds no data/<corpus>/fold_1" if given.is_dir() else "is no folder"
    raise UserError(f"{NEEDS}; {given} {what}")


def fold_folders(corpus: Path) -> dict[int, Path]:
    """The folder of each fold in a corpus's folder, in order; none where it is no such folder."""
    paths = sorted(corpus.iterdir()) if corpus.is_dir() else []
    found = [(int(match[1]), path) for path in paths if path.is_dir() and (match := FOLD.fullmatch(path.name))]
    return dict(sorted(found))


def read_fold(folder: Path, *, where: str) -> pl.DataFrame:
    """The names and parts of a fold's folder; raises UserError with all that is wrong with its files."""
    problems: list[str] = []
    tables = []
    for part in ("train", "test"):
        try:
            names = _read_part(folder, f"{folder.parent.name}_{part}_fold", where=where)
        except UserError as error:
            problems += error.problems
        else:
            tables.append(pl.DataFrame({"name": names}, schema={"name": pl.String}).with_columns(part=pl.lit(part)))
    listed = pl.concat(tables) if tables else pl.DataFrame(schema={"name": pl.String, "part": pl.String})
    problems += check_list(listed, key="name", where=where)
    if problems:
        raise UserError(problems)
    return listed


def _read_part(folder: Path, start: str, *, where: str) -> list[str]:
    """The sorted names of one part, the same in each of its files; .jsonl only where there is no .json."""
    number = re.escape(start) + r"_?\d+"
    files = [path for path in sorted(folder.iterdir()) if re.fullmatch(number, path.stem)]
    used = [path for path in files if path.suffix == ".json"] or [path for path in files if path.suffix == ".jsonl"]
    if not used:
        raise UserError(f"{where}: there is no {start}_*.json in {folder}; is the checkout whole?")
    first, *others = [_names(path) for path in used]
    if any(names != first for names in others):
        raise UserError(f"{where}: {' and '.join(path.name for path in used)} differ; keep the one that is meant")
    return first


def _names(file: Path) -> list[str]:
    try:
        entries = _entries(file)
        return sorted({PurePosixPath(next(entry[key] for key in PATHS if key in entry)).stem for entry in entries})
    except (OSError, ValueError, TypeError, AttributeError, StopIteration) as error:
        raise UserError(
            f"{file} is no list of EmoBox, each entry with wav: {str(error) or 'an entry has none'}"
        ) from error


def _entries(file: Path) -> list[dict[str, Any]]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(json.loads(text).values())
