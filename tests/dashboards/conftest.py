"""An offline W&B run, and a reader of the file that it is kept in."""

import base64
import hashlib
import json
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from wandb.proto.wandb_internal_pb2 import ArtifactRecord, Record

from ser_lightning.train import train

BLOCK = 32768


def read_records(path: Path) -> Iterator[Record]:
    """The records of a .wandb file: 7 bytes that name the format, then LevelDB's log of protobuf messages.

    A chunk is CRC-32 of what follows the length, length, kind (1 whole, 2 first, 3 middle, 4 last) and payload; none
    crosses a block of 32 KiB. A file that ends early fails here.
    """
    data = path.read_bytes()
    assert data[:4] == b":W&B"
    at, parts = 7, []
    while at < len(data):
        if at % BLOCK > BLOCK - 7:
            at += BLOCK - at % BLOCK
            continue
        checksum, length, kind = struct.unpack_from("<IHB", data, at)
        body = data[at + 6 : at + 7 + length]
        assert zlib.crc32(body) == checksum
        parts.append(body[1:])
        if kind in (1, 4):
            yield Record.FromString(b"".join(parts))
            parts = []
        at += 7 + length
    assert not parts


def name_of(item: Any) -> str:
    """The key of an item of a config, a summary or a history, its levels joined by a slash."""
    return "/".join(item.nested_key) or item.key


@dataclass(frozen=True)
class Logged:
    """A run directory with one offline W&B run in it."""

    run_dir: Path
    err: str = ""

    @cached_property
    def folder(self) -> Path:
        [folder] = self.run_dir.glob("wandb/offline-run-*")
        return folder

    @cached_property
    def records(self) -> list[Record]:
        [path] = self.folder.glob("run-*.wandb")
        return list(read_records(path))

    def of(self, kind: str) -> list[Any]:
        return [getattr(record, kind) for record in self.records if record.WhichOneof("record_type") == kind]

    @cached_property
    def config(self) -> dict[str, Any]:
        """Top-level keys of the config: those the run began with, then the updates."""
        items = [item for update in (self.of("run")[0].config, *self.of("config")) for item in update.update]
        return {name_of(item): json.loads(item.value_json) for item in items}

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The last value of each key of the summary."""
        return {name_of(item): json.loads(item.value_json) for part in self.of("summary") for item in part.update}

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        return [{name_of(item): json.loads(item.value_json) for item in row.item} for row in self.of("history")]

    def series(self, name: str) -> list[tuple[int, float]]:
        """The values of a metric, each with its epoch."""
        return [(row["epoch"], row[name]) for row in self.history if name in row]

    def table(self, key: str) -> pl.DataFrame:
        """A table that was logged, as it lies in the run's media."""
        content = json.loads((self.folder / "files" / self.summary[f"{key}/path"]).read_text())
        return pl.DataFrame(content["data"], schema=content["columns"], orient="row")

    def artifact(self, start: str) -> ArtifactRecord:
        """The artifact whose name starts so."""
        [found] = [artifact for artifact in self.of("artifact") if artifact.name.startswith(start)]
        return found

    @property
    def metrics(self) -> dict[str, Any]:
        return json.loads((self.run_dir / "metrics.json").read_text())

    def files_of(self, artifact: ArtifactRecord) -> dict[str, Path]:
        """Where the files of an artifact lie, by their names in it; their sums must be those that will be uploaded."""
        files = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
        for entry in artifact.manifest.contents:
            digest = base64.b64encode(hashlib.md5(files[entry.path].read_bytes()).digest()).decode()
            assert (entry.digest, entry.size) == (digest, files[entry.path].stat().st_size)
        return files


def without_key(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """No key, and W&B's own files in `folder`, whoever runs the tests."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DATA_DIR", "WANDB_RUN_GROUP", "WANDB_TAGS"):
        patch.delenv(name, raising=False)
    patch.setenv("NETRC", str(folder / "no-netrc"))
    patch.setenv("WANDB_CACHE_DIR", str(folder / "cache"))
    patch.setenv("WANDB_CONFIG_DIR", str(folder / "config"))


@pytest.fixture(scope="session")
def read_logged() -> Callable[[Path], Logged]:
    """The W&B run in a run directory."""
    return Logged


@pytest.fixture
def no_key(tmp_path, monkeypatch) -> None:
    """No key, and W&B's own files apart."""
    without_key(monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def proxy() -> Iterator[socket.socket]:
    """A socket that all requests to the network would come to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="session")
def logged(tone_corpus, tiny_arguments, tmp_path_factory, run_job, proxy) -> Logged:
    """A run of two epochs with `logger=wandb` and no key."""
    folder = tmp_path_factory.mktemp("wandb")
    arguments = tiny_arguments(tone_corpus, folder, "logger=wandb", f"hydra.run.dir={folder / 'a run'}")
    with pytest.MonkeyPatch.context() as patch:
        without_key(patch, folder)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        done = run_job(train, "train", [*arguments, "logger.wandb.tags=[tones]"])
    assert done.code == 0
    return Logged(folder / "a run", done.err)
