"""A GitHub repository whose audio is in git-LFS, at one commit.

GitHub's archive of a commit holds the tables, and for each clip a pointer: its SHA-256 and size. The archive itself
has no published checksum, so what is taken from it must have the ids that git gives it in that commit; the clips are
then fetched one by one from GitHub's media server and verified against their pointers.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ser_lightning.downloads.fetch import Line, Remote, fetch
from ser_lightning.downloads.many import fetch_all
from ser_lightning.downloads.placed import Placed, Record
from ser_lightning.downloads.source import About, Commit, Folder, NumBytes, Url
from ser_lightning.downloads.unpack import BadArchiveError, unpack

POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>\d+)\n"
)
MOST_UNPACKED = 200_000_000
"""Bytes; the whole archive of CREMA-D unpacks to 163 MB."""


@dataclass(frozen=True, kw_only=True)
class GitLfs:
    """`commit` of the repository at `url`; `contents` gives the git id of each folder or file that is wanted.

    `media_url` serves what the pointers stand for; `num_bytes` is their size together, `archive_bytes` the archive's.
    """

    about: About
    folder: Folder
    url: Url
    media_url: Url
    commit: Commit
    contents: dict[str, str]
    num_bytes: NumBytes
    archive_bytes: NumBytes

    def fetch_bytes(self, missing: int | None) -> int:
        """Bytes on the way, about."""
        return self.archive_bytes + (self.num_bytes if missing is None else missing)

    def placed_bytes(self, _missing: int | None) -> int:
        """Few besides those fetched, which are moved."""
        return self.archive_bytes

    def sources(self, _channel: str) -> list[GitLfs]:
        """The repository."""
        return [self]

    def bring(self, stage: Path, scratch: Path, record: Record, line: Line) -> list[Placed]:
        """Fetch and verify the archive, then each clip that is missing."""
        unpacked, have = scratch / "archive", record.have
        taken = [file for file in self._archive(scratch, unpacked, line) if file.path not in have]
        clips: list[Placed] = []
        tables: list[Placed] = []
        for file in taken:
            pointer = POINTER.fullmatch((unpacked / file.path).read_bytes()) if file.num_bytes < 200 else None
            if pointer is None:
                (stage / file.path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(unpacked / file.path, stage / file.path)
                tables.append(file)
            else:
                checksum = f"sha256:{pointer['oid'].decode()}"
                clips.append(Placed(path=file.path, num_bytes=int(pointer["size"]), checksum=checksum))
        line.meter.expect(sum(clip.num_bytes for clip in clips))
        fetch_all([self._remote(clip) for clip in clips], stage, line)
        return [*tables, *clips]

    def _remote(self, clip: Placed) -> Remote:
        url = f"{self.media_url}/{self.commit}/{clip.path}"
        return Remote(path=clip.path, url=url, num_bytes=clip.num_bytes, checksum=clip.checksum)

    def _archive(self, scratch: Path, unpacked: Path, line: Line) -> list[Placed]:
        """What is wanted of the archive, in `unpacked`; an archive that is not of this commit is removed."""
        name = f"{self.commit}.zip"
        line.meter.expect(None)
        archive = fetch(Remote(path=name, url=f"{self.url}/archive/{name}"), scratch, line)
        shutil.rmtree(unpacked, ignore_errors=True)
        try:
            files = unpack(archive, unpacked, most_bytes=MOST_UNPACKED, pick=self._wanted)
            for path, expected in self.contents.items():
                found = git_id(unpacked / path)
                if found != expected:
                    raise BadArchiveError(f"{path} of {self.url} has the git id {found}, expected {expected}")
        except BadArchiveError:
            archive.unlink()
            raise
        return files

    def _wanted(self, name: str) -> str | None:
        """The path in the repository, below the archive's one folder."""
        path = PurePosixPath(*PurePosixPath(name).parts[1:])
        inside = any(str(part) in self.contents for part in (path, *path.parents))
        return str(path) if inside else None


def git_id(path: Path) -> str:
    """The id that git gives a file, or a folder of plain files: `git rev-parse COMMIT:PATH`; '' where there is none.

    Git's object is a header (kind, size, a zero byte) and the content; a folder's content is, by name, each file's
    mode, name, a zero byte and its id (Git's book, 10.2).
    """
    if path.is_file():
        return _object_id("blob", path.read_bytes())
    if not path.is_dir():
        return ""
    entries = (
        b"100644 " + file.name.encode() + b"\0" + bytes.fromhex(_object_id("blob", file.read_bytes()))
        for file in sorted(path.iterdir(), key=lambda file: file.name.encode())
    )
    return _object_id("tree", b"".join(entries))


def _object_id(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
