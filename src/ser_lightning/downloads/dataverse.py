"""A Dataverse dataset: its JSON lists every file with id, size and MD5, and each is fetched by its id.

Dataverse guides, Native API (`datasets/:persistentId`) and Data Access API (`access/datafile/$id`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from ser_lightning.downloads.fetch import Line, Remote, fetch
from ser_lightning.downloads.many import fetch_all
from ser_lightning.downloads.placed import Placed, Record, named
from ser_lightning.downloads.source import About, Folder, NumBytes, NumFiles, Url
from ser_lightning.downloads.unpack import is_inside
from ser_lightning.errors import RunFailedError

LIST = "dataset.json"


@dataclass(frozen=True, kw_only=True)
class Dataverse:
    """The dataset `doi` in the Dataverse at `url`: `num_files` files, of about `num_bytes` together."""

    about: About
    folder: Folder
    url: Url
    doi: str
    num_files: NumFiles
    num_bytes: NumBytes

    def fetch_bytes(self, missing: int | None) -> int:
        """Bytes on the way; about, where all are missing."""
        return self.num_bytes if missing is None else missing

    def placed_bytes(self, _missing: int | None) -> int:
        """None besides those fetched, which are moved."""
        return 0

    def sources(self, _channel: str) -> list[Dataverse]:
        """The dataset."""
        return [self]

    def bring(self, stage: Path, scratch: Path, record: Record, line: Line) -> list[Placed]:
        """Fetch the list anew, and then each file that is missing."""
        (scratch / LIST).unlink(missing_ok=True)
        url = f"{self.url}/api/datasets/:persistentId/?persistentId=doi:{self.doi}"
        listed = fetch(Remote(path=LIST, url=url), scratch, line)
        text = listed.read_bytes()
        listed.unlink()
        everything, have = _files(text, url), record.have
        self._refuse_incomplete(everything, record, url)
        files = [file for file in everything if file.path not in have]
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

    def _refuse_incomplete(self, files: list[_Listed], record: Record, url: str) -> None:
        """Raise RunFailedError with all that keeps the files from being the whole corpus."""
        problems = []
        if len(files) != self.num_files:
            problems.append(f"it lists {len(files)} files, the corpus has {self.num_files} (places.….num_files)")
        if lost := record.lost(file.path for file in files):
            problems.append(f"it does not list {named(lost)} any more, missing here")
        have = record.have
        if closed := [file.path for file in files if file.restricted and file.path not in have]:
            problems.append(f"{named(closed)} restricted, ask for access")
        if problems:
            raise RunFailedError(f"{url}: {'; '.join(problems)}; nothing was placed, the page is {self.about.page}")


@dataclass(frozen=True)
class _Listed:
    path: str
    identifier: int
    num_bytes: int
    checksum: str
    restricted: bool


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
    """All files of a dataset; raises RunFailedError where it is no list of them, or not one to be followed."""
    try:
        dataset = TypeAdapter(_Dataset).validate_json(text)
    except ValidationError as error:
        raise RunFailedError(f"{url} gives no list of a Dataverse dataset: {error.errors()[0]['msg']}") from error
    files = [
        _Listed(
            str(PurePosixPath(file.directoryLabel, file.label)),
            file.dataFile.id,
            file.dataFile.filesize,
            f"md5:{file.dataFile.md5}",
            file.restricted,
        )
        for file in dataset.data.latestVersion.files
    ]
    strange = [file.path for file in files if not is_inside(file.path)]
    if strange:
        raise RunFailedError(f"{url} lists a file that would be written outside its folder: {strange[0]!r}")
    twice = sorted(path for path, times in Counter(file.path for file in files).items() if times > 1)
    if twice:
        raise RunFailedError(f"{url} lists {named(twice)} more than once, so that it is not clear which is meant")
    if not files:
        raise RunFailedError(f"{url} lists no file")
    return files
