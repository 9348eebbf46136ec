"""One file over HTTP: resumed where it broke off, verified against its published checksum, then given its name.

pooch keeps the bargain (a file that is whole is not fetched again, one with a wrong checksum never gets its name); its
own downloader starts over after each cut, so `Resuming` takes its place. What has come so far is `NAME.part`; beside
it, `NAME.part.json` says which version of the remote file that is the beginning of.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import pooch
import requests

from ser_lightning.downloads.reasons import CUT, may_pass, reason
from ser_lightning.errors import RunFailedError
from ser_lightning.terminal import err

CHUNK = 2**15
"""Bytes read at a time; at most these are lost where a connection is cut."""
LONGEST_WAIT = 300.0
"""Seconds that a server may ask us to wait."""
PARTIAL, RANGE_NOT_SATISFIABLE = 206, 416

pooch.get_logger().setLevel("ERROR")  # it announces every file


class Meter(Protocol):
    """Who is told how far it is."""

    def expect(self, num_bytes: int | None) -> None:
        """All that is to come from now on has so many bytes, if that is known."""
        ...

    def __call__(self, path: str, num_bytes: int) -> None:
        """So many bytes of a file are here."""
        ...


class StoppedError(Exception):
    """Another file failed, so this one is left as it is."""


class _ChangedError(requests.ConnectionError):
    """The remote file is no longer the one that the part is the beginning of; or the server lost track."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A file to fetch to `path` below some folder; size in bytes and checksum (`md5:…`, `sha256:…`) where published."""

    path: str
    url: str
    num_bytes: int | None = None
    checksum: str | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """How to ask: up to `tries` in a row that bring nothing new, with pauses that grow from `pause_seconds`."""

    session: requests.Session
    tries: int
    pause_seconds: float
    timeout_seconds: float
    threads: int
    meter: Meter
    stop: threading.Event = field(default_factory=threading.Event)


@contextmanager
def opened(meter: Meter, *, tries: int, pause_seconds: float, timeout_seconds: float, threads: int) -> Iterator[Line]:
    """A line whose connections, one a thread, stay open for the block; HTTP(S)_PROXY is heeded."""
    with requests.Session() as session:
        # Compressed on the way, a file's bytes could not be counted, nor resumed.
        session.headers.update({"User-Agent": "ser-lightning", "Accept-Encoding": "identity"})
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=threads)
        for scheme in ("http://", "https://"):
            session.mount(scheme, adapter)
        try:
            yield Line(
                session=session,
                tries=tries,
                pause_seconds=pause_seconds,
                timeout_seconds=timeout_seconds,
                threads=threads,
                meter=meter,
            )
        finally:
            _close_connections(adapter)


def _close_connections(adapter: requests.adapters.HTTPAdapter) -> None:
    """Close them now; the session's own close leaves them to when nothing refers to them, and a traceback does."""
    for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
        for key in manager.pools.keys():  # noqa: SIM118 (urllib3 lets nobody iterate over the pools themselves)
            if (pool := manager.pools.get(key)) is not None:
                pool.close()


def fetch(remote: Remote, folder: Path, line: Line) -> Path:
    """The file, whole and verified, below `folder`; not fetched again where it is there with the right checksum.

    Raises RunFailedError where the checksum or the size is another; requests' errors and OSError as they come.
    """
    target = folder / remote.path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        pooch.retrieve(
            remote.url,
            known_hash=remote.checksum,
            fname=target.name,
            path=target.parent,
            downloader=Resuming(remote, target, line),
        )
    except requests.RequestException:
        raise
    except ValueError as error:  # pooch: the hash is another; it has removed the file
        raise RunFailedError(
            f"{remote.url}: {error} Try again; if it stays so, the published file was replaced"
        ) from error
    line.meter(remote.path, target.stat().st_size)
    return target


@dataclass(frozen=True)
class Resuming:
    """A downloader for pooch that goes on with `target`.part where it broke off."""

    remote: Remote
    target: Path
    line: Line

    def __call__(self, url: str, output_file: str, _pooch: object, check_only: Literal[False] = False) -> None:
        """Fetch `url` to `output_file`."""
        failures, most = 0, self._have()
        while True:
            try:
                self._go_on()
                break
            except CUT as error:
                failures = 1 if self._have() > most else failures + 1
                most = max(most, self._have())
                if failures >= self.line.tries or not may_pass(error):
                    raise
                self._pause(failures, error)
        self._part.replace(output_file)
        self._note.unlink(missing_ok=True)

    def _go_on(self) -> None:
        version, have = _Version.read(self._note), self._have()
        if version is None:
            have = 0
        elif have and have == version.num_bytes:
            return
        headers = {"Range": f"bytes={have}-", **version.condition()} if version and have else {}
        with self.line.session.get(
            self.remote.url, headers=headers, stream=True, timeout=self.line.timeout_seconds
        ) as response:
            if response.status_code == RANGE_NOT_SATISFIABLE:
                self._start_over()
            response.raise_for_status()
            goes_on = response.status_code == PARTIAL
            now = _Version.of(response)
            if goes_on and (version is None or now.contradicts(version) or _first_byte(response) != have):
                self._start_over()
            self._refuse_other_size(now.num_bytes)
            if not goes_on:
                self._part.unlink(missing_ok=True)
                self._note.write_text(json.dumps(asdict(now)))
            self._append(response)
        if now.num_bytes not in (None, self._have()):
            raise requests.ConnectionError(f"{self._have()} of {now.num_bytes} bytes came")

    def _append(self, response: requests.Response) -> None:
        with self._part.open("ab") as part:
            for chunk in response.iter_content(CHUNK):
                part.write(chunk)
                self.line.meter(self.remote.path, part.tell())
                if self.line.stop.is_set():
                    raise StoppedError

    def _start_over(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        raise _ChangedError("the file there has changed since a part of it came")

    def _refuse_other_size(self, num_bytes: int | None) -> None:
        published = self.remote.num_bytes
        if None not in (num_bytes, published) and num_bytes != published:
            raise RunFailedError(
                f"{self.remote.url} has {num_bytes} bytes there, the published file has {published}: it was replaced, "
                "or something between here and there (a portal, a proxy) gives a page of its own"
            )

    def _pause(self, failures: int, error: requests.RequestException) -> None:
        response = error.response
        asked = response.headers.get("Retry-After", "") if response is not None else ""
        growing = self.line.pause_seconds * 2 ** (failures - 1)
        seconds = max(growing, min(float(asked), LONGEST_WAIT)) if asked.isdigit() else growing
        err.print(
            f"{urlsplit(self.remote.url).netloc}: {reason(error)}; "
            f"going on in {seconds:g} s ({failures} of {self.line.tries} tries failed)",
            markup=False,
        )
        if self.line.stop.wait(seconds):
            raise StoppedError

    def _have(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    @property
    def _part(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part")

    @property
    def _note(self) -> Path:
        return self.target.with_name(f"{self.target.name}.part.json")


@dataclass(frozen=True)
class _Version:
    """Which version of a remote file it is, as the server's headers tell."""

    etag: str | None
    last_modified: str | None
    num_bytes: int | None

    @staticmethod
    def of(response: requests.Response) -> _Version:
        """Of the whole file, also where the answer is a part of it."""
        total = response.headers.get("Content-Length", "")
        if response.status_code == PARTIAL:
            total = response.headers.get("Content-Range", "").rpartition("/")[2]
        return _Version(
            response.headers.get("ETag"),
            response.headers.get("Last-Modified"),
            int(total) if total.isdigit() else None,
        )

    @staticmethod
    def read(path: Path) -> _Version | None:
        try:
            return _Version(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def contradicts(self, other: _Version) -> bool:
        """Whether they cannot be the same; an answer with a part may leave headers out (RFC 9110, 15.3.7)."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return any(None not in (mine, theirs) and mine != theirs for mine, theirs in pairs)

    def condition(self) -> dict[str, str]:
        """The header that asks for the rest of this very version only; a weak ETag cannot (RFC 9110, 13.1.5)."""
        strong = self.etag if self.etag and not self.etag.startswith("W/") else None
        known = strong or self.last_modified
        return {"If-Range": known} if known else {}


def _first_byte(response: requests.Response) -> int | None:
    first = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(first) if first.isdigit() else None
