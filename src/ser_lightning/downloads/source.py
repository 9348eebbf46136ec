"""What every official place gives: sources, each of which becomes one folder, whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

from annotated_types import Ge
from pydantic import AfterValidator, ConfigDict

from ser_lightning.downloads.fetch import Line
from ser_lightning.downloads.placed import Placed
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


Url = Annotated[str, AfterValidator(check_url)]
Checksum = Annotated[str, AfterValidator(check_checksum)]
NumBytes = Annotated[int, Ge(0)]


@dataclass(frozen=True, kw_only=True)
class About:
    """What a user should know of a corpus before it is fetched; `page` is where its makers offer it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    title: str
    licence: str
    citation: str
    page: Url


class Source(Protocol):
    """One folder to come: `folder` below data_dir, `fetch_bytes` on the way, up to `placed_bytes` on the disk."""

    @property
    def folder(self) -> str: ...  # noqa: D102

    @property
    def fetch_bytes(self) -> int: ...  # noqa: D102

    @property
    def placed_bytes(self) -> int: ...  # noqa: D102

    def bring(self, stage: Path, scratch: Path, have: Collection[str], line: Line) -> list[Placed]:
        """Bring all files but those in `have` to `stage`, verified, and say which; `scratch` outlives a failure.

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
