"""What every official place gives: sources, each of which becomes one folder, whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

from annotated_types import Ge
from pydantic import AfterValidator, ConfigDict

from ser_lightning.downloads.fetch import Line
from ser_lightning.downloads.placed import Placed, Record
from ser_lightning.downloads.unpack import is_inside
from ser_lightning.errors import UserError


def check_url(url: str) -> str:
    """The address without a last slash, if it is one of the web; raises UserError."""
    if not re.match(r"https?://[^/]", url):
        raise UserError("an address starts with http:// or https://")
    return url.rstrip("/")


def check_checksum(checksum: str) -> str:
    """The checksum, if its kind and length are known; raises UserError."""
    if not re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", checksum):
        raise UserError("a checksum is md5: or sha256: and its hexadecimal digits")
    return checksum


def check_folder(folder: str) -> str:
    """The folder, if it is one below data_dir; raises UserError."""
    if not is_inside(folder):
        raise UserError("a folder is a path below data_dir: relative, with /, without '..'")
    return folder


def check_file_name(name: str) -> str:
    """The name, if it is that of a file, without any folder; raises UserError."""
    if not is_inside(name) or "/" in name:
        raise UserError("a file's name is without / and '..'")
    return name


def check_commit(commit: str) -> str:
    """The commit, if it is a full one; raises UserError."""
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise UserError("a commit is 40 hexadecimal digits")
    return commit


Url = Annotated[str, AfterValidator(check_url)]
Checksum = Annotated[str, AfterValidator(check_checksum)]
Folder = Annotated[str, AfterValidator(check_folder)]
FileName = Annotated[str, AfterValidator(check_file_name)]
Commit = Annotated[str, AfterValidator(check_commit)]
NumBytes = Annotated[int, Ge(0)]
NumFiles = Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class About:
    """What a user should know of a corpus before it is fetched; `page` is where its makers offer it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    title: str
    licence: str
    citation: str
    page: Url


class Source(Protocol):
    """One folder to come, `folder` below data_dir.

    `fetch_bytes` come on the way, and up to `placed_bytes` are on the disk besides; both where the files that are
    missing have `missing` bytes, or where all are (None).
    """

    @property
    def folder(self) -> str: ...  # noqa: D102

    def fetch_bytes(self, missing: int | None) -> int: ...  # noqa: D102

    def placed_bytes(self, missing: int | None) -> int: ...  # noqa: D102

    def bring(self, stage: Path, scratch: Path, record: Record, line: Line) -> list[Placed]:
        """Bring all files but those of `record` to `stage`, verified, and say which; `scratch` outlives a failure.

        Raises RunFailedError; requests' errors and OSError as they come.
        """
        ...


class Place(Protocol):
    """An official place, with the sources that a corpus (or one `channel` of it) is made of."""

    @property
    def about(self) -> About: ...  # noqa: D102

    @property
    def folder(self) -> str: ...  # noqa: D102

    def sources(self, channel: str) -> Sequence[Source]:
        """What to fetch for `channel`; `both` is everything."""
        ...
