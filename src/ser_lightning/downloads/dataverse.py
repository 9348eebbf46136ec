"""A Dataverse dataset: its JSON lists every file with id, size and MD5, and each is fetched by its id.

Dataverse guides, Native API (`datasets/:persistentId`) and Data Access API (`access/datafile/$id`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ser_lightning.downloads.fetch import Line, Remote, fetch
from ser_lightning.downloads.many import fetch_all
from ser_lightning.downloads.placed import Placed
from ser_lightning.downloads.source import About, NumBytes, Url
from ser_lightning.downloads.unpack import is_inside
from ser_lightning.errors import RunFailedError

LIST = "dataset.json"


@dataclass(frozen=True, kw_only=True)
class Dataverse:
    """The dataset `doi` in the Dataverse at `url`; `num_bytes` is about the size of its files together."""

    about: About
    folder: str
    url: Url
    doi: str
    num_bytes: NumBytes

    @property
    def fetch_bytes(self) -> int:
        """Bytes on the way, about."""
        return self.num_bytes

    @property
    def placed_bytes(self) -> int:
        """None besides those fetched, which are moved."""
        return 0

    def sources(self, _channel: str) -> list[Dataverse]:
        """The dataset."""
        return [self]

    def bring(self, stage: Path, scratch: Path, have: Collection[str], line: Line) -> list[Placed]:
        """Fetch the list anew, and then each file that is missing."""
        (scratch / LIST).unlink(missing_ok=True)
        url = f"{self.url}/api/datasets/:persistentId/?persistentId=doi:{self.doi}"
        listed = fetch(Remote(path=LIST, url=url), scratch, line)
        files = [file for file in _files(listed.read_bytes(), url) if file.path not in have]
        line.meter.expect(sum(file.num_bytes for file in files))
        remotes = [
            Remote(
                path=file.path,
                url=f"{self.url}/api/access/datafile/{file.identifier}",
                num_bytes=file.num_bytes,
                checksum=file.checksum,
            )
            for file in files
        ]
        fetch_all(remotes, stage, line)
        return [Placed(path=file.path, num_bytes=file.num_bytes, checksum=file.checksum) for file in files]


@dataclass(frozen=True)
class _Listed:
    path: str
    identifier: int
    num_bytes: int
    checksum: str


@dataclass
class _DataFile:
    id: int
    filesize: int
    md5: str


@dataclass
class _File:
    label: str
    dataFile: _DataFile  # noqa: N815 (Dataverse's names, here and below)
    directoryLabel: str = ""  # noqa: N815
    restricted: bool = False


@dataclass
class _Version:
    files: list[_File] = field(default_factory=list)


@dataclass
class _Data:
    latestVersion: _Version  # noqa: N815


@dataclass
class _Dataset:
    data: _Data


def _files(text: bytes, url: str) -> list[_Listed]:
    """The files that anybody may fetch; raises RunFailedError where it is no such list."""
    try:
        dataset = TypeAdapter(_Dataset).validate_json(text)
    except ValidationError as error:
        raise RunFailedError(f"{url} gives no list of a Dataverse dataset: {error.errors()[0]['msg']}") from error
    files = [
        _Listed(
            "/".join(part for part in (file.directoryLabel, file.label) if part),
            file.dataFile.id,
            file.dataFile.filesize,
            f"md5:{file.dataFile.md5}",
        )
        for file in dataset.data.latestVersion.files
        if not file.restricted
    ]
    strange = [file.path for file in files if not is_inside(file.path)]
    if strange:
        raise RunFailedError(f"{url} lists a file that would be written outside its folder: {strange[0]!r}")
    if not files:
        raise RunFailedError(f"{url} lists no file that anybody may fetch")
    return files
