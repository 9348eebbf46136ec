"""Zenodo: a record of zip archives, each with its size and MD5 on the record's page; one folder an archive."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

from pydantic import ConfigDict

from ser_lightning.downloads.fetch import Line, Remote, fetch
from ser_lightning.downloads.placed import Placed, Record
from ser_lightning.downloads.source import About, Checksum, FileName, Folder, NumBytes, Url
from ser_lightning.downloads.unpack import BadArchiveError, unpack


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A zip archive: size and checksum as published; `most_bytes` is what it may unpack to."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: FileName
    num_bytes: NumBytes
    checksum: Checksum
    most_bytes: NumBytes


@dataclass(frozen=True, kw_only=True)
class Zenodo:
    """The record whose files are below `url`; its archives by channel."""

    about: About
    folder: Folder
    url: Url
    archives: dict[str, Archive]

    def sources(self, channel: str) -> list[ZipSource]:
        """The archive of the channel, or all."""
        chosen = self.archives.values() if channel == "both" else [self.archives[channel]]
        return [ZipSource(archive, f"{self.url}/{archive.name}?download=1", self.folder) for archive in chosen]


@dataclass(frozen=True)
class ZipSource:
    """One archive, to be unpacked to a folder of its name in the corpus's `base`."""

    archive: Archive
    url: str
    base: str

    @property
    def folder(self) -> str:
        """The corpus's folder, then the archive's name without its ending."""
        return f"{self.base}/{PurePosixPath(self.archive.name).stem}"

    def fetch_bytes(self, _missing: int | None) -> int:
        """Bytes on the way: the archive, whatever is missing."""
        return self.archive.num_bytes

    def placed_bytes(self, missing: int | None) -> int:
        """Bytes that are unpacked, at most."""
        return self.archive.most_bytes if missing is None else missing

    def bring(self, stage: Path, scratch: Path, record: Record, line: Line) -> list[Placed]:
        """Fetch the archive to `scratch` and unpack what is missing; a bad archive is removed."""
        remote = Remote(
            path=self.archive.name, url=self.url, num_bytes=self.archive.num_bytes, checksum=self.archive.checksum
        )
        line.meter.expect(remote.num_bytes)
        archive = fetch(remote, scratch, line)
        shutil.rmtree(stage, ignore_errors=True)  # a killed call's
        have = record.have
        try:
            return unpack(
                archive, stage, most_bytes=self.archive.most_bytes, pick=lambda name: None if name in have else name
            )
        except BadArchiveError:
            archive.unlink()
            raise
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise
