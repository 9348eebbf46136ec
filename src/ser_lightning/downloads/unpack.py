"""A zip archive to a folder, trusting nothing in it: names that lead elsewhere, links and bombs are refused.

All of the directory is looked at before the first byte is written. The sizes it announces are a limit that zipfile
keeps: it stops reading a member there, and then its CRC is wrong.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

from ser_lightning.downloads.placed import Placed
from ser_lightning.errors import RunFailedError

Pick = Callable[[str], str | None]
"""From a member's name to its path below the folder, or None where it is not wanted."""
CHUNK = 2**20


class BadArchiveError(RunFailedError):
    """An archive that must not, or cannot, be unpacked."""


def unpack(archive: Path, folder: Path, *, most_bytes: int, pick: Pick = str) -> list[Placed]:
    """Unpack what `pick` wants into `folder`, `most_bytes` in all at most, and say what is there.

    Raises BadArchiveError; what was written until then is the caller's to remove.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened, archive.name)
            wanted = {path: member for member in members if (path := pick(member.filename)) is not None}
            total = sum(member.file_size for member in wanted.values())
            if total > most_bytes:
                raise BadArchiveError(
                    f"{archive.name} would unpack to {total} bytes, more than the {most_bytes} that its corpus has"
                )
            return [_extract(opened, member, folder, path) for path, member in sorted(wanted.items())]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, BadArchiveError):
            raise
        raise BadArchiveError(f"{archive.name} is no whole zip archive ({error})") from error


def is_inside(name: str) -> bool:
    """Whether a path stays in its folder on every system: relative, with /, no '..', no drive.

    >>> is_inside("Actor_01/a.wav"), is_inside("../a.wav"), is_inside("/a.wav"), is_inside("C:a.wav")
    (True, False, False, False)
    """
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in name
        and "\0" not in name
        and not PureWindowsPath(name).drive
    )


def _checked(opened: zipfile.ZipFile, label: str) -> list[zipfile.ZipInfo]:
    """The files in it; raises BadArchiveError where one of them is not to be trusted."""
    members = opened.infolist()
    for member in members:
        mode = member.external_attr >> 16
        if not is_inside(member.filename) or not is_inside(member.orig_filename):
            raise BadArchiveError(f"{label} holds a file that would be written outside its folder: {member.filename!r}")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise BadArchiveError(f"{label} holds a link or a special file: {member.filename!r}")
    files = [member for member in members if not member.is_dir()]
    if len({member.filename for member in files}) < len(files):
        raise BadArchiveError(f"{label} holds two files of one name")
    return files


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, path: str) -> Placed:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with opened.open(member) as source, target.open("wb") as copy:
        while block := source.read(CHUNK):
            digest.update(block)
            copy.write(block)
    return Placed(path=path, num_bytes=target.stat().st_size, checksum=f"sha256:{digest.hexdigest()}")
