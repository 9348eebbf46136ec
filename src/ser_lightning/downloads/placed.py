"""What a download has placed: a hidden table in the folder that lists every file, by which a later call knows it.

A folder without the table is somebody else's, and is not touched.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pooch

from ser_lightning.errors import UserError
from ser_lightning.files import write_text

TABLE = ".download.csv"


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A file below the folder, its size in bytes and its checksum (`md5:…` or `sha256:…`)."""

    path: str
    num_bytes: int
    checksum: str


def placed(folder: Path) -> list[Placed]:
    """The files that were placed in `folder`, whether or not they are still there.

    Empty where nothing was; raises UserError where the folder holds something, but no table.
    """
    table = folder / TABLE
    if not table.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise foreign(folder)
        return []
    try:
        rows = csv.DictReader(io.StringIO(table.read_text(encoding="utf-8")))
        return [Placed(path=r["path"], num_bytes=int(r["num_bytes"]), checksum=r["checksum"]) for r in rows]
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{table} cannot be read ({error!r}): remove {folder} and download again") from error


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a folder must hold, by its table, and what of it is there; `expected` is empty where nothing was placed."""

    expected: Sequence[Placed] = ()
    kept: Sequence[Placed] = ()

    @staticmethod
    def of(folder: Path) -> Record:
        """That of `folder`; raises UserError as `placed` does."""
        expected = placed(folder)
        return Record(expected=expected, kept=whole(folder, expected))

    @property
    def is_complete(self) -> bool:
        """Whether something was placed, and all of it is there."""
        return bool(self.expected) and not self.missing

    @property
    def have(self) -> frozenset[str]:
        """The paths of what is there."""
        return frozenset(file.path for file in self.kept)

    @property
    def missing(self) -> list[Placed]:
        """What was placed and is not there any more, or damaged."""
        have = self.have
        return [file for file in self.expected if file.path not in have]

    @property
    def missing_bytes(self) -> int | None:
        """The size of what is missing; None where nothing was placed, so that it is everything."""
        return sum(file.num_bytes for file in self.missing) if self.expected else None

    def lost(self, offered: Iterable[str]) -> list[str]:
        """The paths of what is missing and not `offered` any more."""
        there = set(offered)
        return [file.path for file in self.missing if file.path not in there]


def named(paths: Sequence[str], *, most: int = 10) -> str:
    """How many files, and which; of many the first ones.

    >>> named(["a.wav"]), named(["a.wav", "b.wav", "c.wav"], most=2)
    ('1 file (a.wav)', '3 files (a.wav, b.wav and 1 more)')
    """
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return f"{len(paths)} file{'s' * (len(paths) != 1)} ({', '.join(paths[:most])}{more})"


def foreign(folder: Path) -> UserError:
    """The error that says that a folder is not ours."""
    return UserError(
        f"{folder} is there already and was not made by this command: train on it as it is, or move it away, "
        "or download elsewhere with data_dir=DIR"
    )


def whole(folder: Path, files: Iterable[Placed]) -> list[Placed]:
    """Those that are in `folder` as they were placed, by size and checksum."""
    return [file for file in files if _is_whole(folder / file.path, file)]


def place(stage: Path, folder: Path, *, brought: Sequence[Placed], kept: Sequence[Placed]) -> None:
    """Move what was `brought` to `stage` into `folder`: all at once where there is none, else file by file."""
    files = sorted((*kept, *brought), key=lambda file: file.path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not (folder / TABLE).exists():
        _keep_only(stage, {file.path for file in brought})
        _write(stage, files)
        if folder.is_dir():
            folder.rmdir()
        stage.replace(folder)
        return
    for file in brought:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (stage / file.path).replace(target)
    _write(folder, files)


def _is_whole(path: Path, file: Placed) -> bool:
    if not path.is_file() or path.stat().st_size != file.num_bytes:
        return False
    return bool(pooch.file_hash(str(path), alg=file.checksum.partition(":")[0]) == file.checksum.partition(":")[2])


def _keep_only(stage: Path, paths: set[str]) -> None:
    """Remove what a killed call may have left between the files."""
    for path in stage.rglob("*"):
        if not path.is_dir() and path.relative_to(stage).as_posix() not in paths:
            path.unlink()


def _write(folder: Path, files: Sequence[Placed]) -> None:
    text = io.StringIO()
    rows = csv.DictWriter(text, [field.name for field in fields(Placed)], lineterminator="\n")
    rows.writeheader()
    rows.writerows(asdict(file) for file in files)
    write_text(folder / TABLE, text.getvalue())
