"""The work of `download`: what is chosen, whether it is there already, and from where to where it goes."""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import pydantic

from ser_lightning.config import DownloadSettings, config_problems
from ser_lightning.downloads.by_hand import ByHand
from ser_lightning.downloads.dataverse import Dataverse
from ser_lightning.downloads.faults import free_bytes, size, told, usable
from ser_lightning.downloads.fetch import opened
from ser_lightning.downloads.lfs import GitLfs
from ser_lightning.downloads.many import metered
from ser_lightning.downloads.placed import Record, foreign, named, place, placed
from ser_lightning.downloads.source import About, Place, Source
from ser_lightning.downloads.zenodo import Zenodo
from ser_lightning.errors import RunFailedError, UserError, did_you_mean
from ser_lightning.schema import find_target, value_problems
from ser_lightning.terminal import out

Config = Mapping[str, Any]
PLACES: dict[str, type[Zenodo | Dataverse | GitLfs | ByHand]] = {
    "ravdess": Zenodo,
    "cremad": GitLfs,
    "tess": Dataverse,
    "emodb": Zenodo,
    "savee": ByHand,
}
READ = frozenset({"_target_", "data_dir", "channel"})
"""Keys of a corpus that matter here; the others are for training."""


def corpus_name(config: Config) -> str:
    """The name of the chosen corpus; raises UserError where none is chosen, or one that is not to be downloaded."""
    node = config.get("corpus")
    if node is None:
        raise UserError(f"say which corpus: corpus={'|'.join(PLACES)}")
    name = str(node["_target_"]).split(".")[-2]
    if name not in PLACES:
        raise UserError(f"corpus={name}: there is nothing to download{did_you_mean(name, PLACES)}")
    return name


def check_download(config: Config) -> None:
    """Raise UserError with every problem of a config."""
    problems = config_problems(config, DownloadSettings)
    for key, node in config["places"].items():
        if key in PLACES:
            problems += value_problems(f"places.{key}", node, PLACES[key])
        else:
            problems.append(f"places.{key}: no such key{did_you_mean(key, PLACES)}")
    problems += [f"places.{key}: must be set" for key in PLACES if key not in config["places"]]
    problems += _without_effect(config["corpus"]) if "corpus" in config else []
    if problems:
        raise UserError(problems)


def download_corpus(config: Config) -> None:
    """Download as configured; raises UserError where nothing was begun, RunFailedError where it broke off."""
    check_download(config)
    name = corpus_name(config)
    data_dir = Path(config["data_dir"]).expanduser()
    chosen: Any = pydantic.TypeAdapter(PLACES[name]).validate_python(config["places"][name])
    channel = config["corpus"].get("channel", "both")
    if isinstance(chosen, ByHand):
        raise chosen.refuse(data_dir, name)
    with usable(data_dir):
        _refuse_foreign(chosen, data_dir)
    for source in chosen.sources(channel):
        _complete(source, chosen.about, data_dir, config)
    out.print(f"next: {_next_command(name, channel, config)}", markup=False)


def _complete(source: Source, about: About, data_dir: Path, config: Config) -> None:
    """Bring what is missing of a source, and place it."""
    folder = data_dir / source.folder
    scratch = data_dir / f".{source.folder.replace('/', '.')}.part"
    with usable(data_dir):
        record = Record.of(folder)
    if record.is_complete:
        if scratch.is_dir():  # of a call that was killed after it had placed
            with usable(data_dir), _alone(scratch):
                pass
        out.print(f"{folder} is complete: {len(record.kept)} files, all as published", markup=False)
        return
    needed = source.fetch_bytes(record.missing_bytes) + source.placed_bytes(record.missing_bytes)
    with told(data_dir, needed, about.page), _alone(scratch):
        _refuse_full_disk(data_dir, needed - _size_of(scratch), folder)
        _announce(source, about, folder, record)
        with metered(folder.name) as meter, opened(meter, **{key: config[key] for key in LINE}) as line:
            brought = source.bring(scratch / FILES, scratch, record, line)
        if lost := record.lost(file.path for file in brought):
            raise RunFailedError(f"{folder} lacks {named(lost)}, which the corpus has no more at {about.page}")
        place(scratch / FILES, folder, brought=brought, kept=record.kept)
    total = sum(file.num_bytes for file in brought)
    out.print(f"placed: {len(brought)} files, {size(total)}, in {folder}", markup=False)


LINE = ("tries", "pause_seconds", "timeout_seconds", "threads")
FILES, LOCK = "files", "lock"
"""In the folder that holds what is not placed yet."""


def _announce(source: Source, about: About, folder: Path, record: Record) -> None:
    num_files = len(record.expected)
    missing = f" ({len(record.missing)} of its {num_files} files are missing or damaged)" if num_files else ""
    more = source.placed_bytes(record.missing_bytes)
    unpacked = f", up to {size(more)} unpacked" if more else ""
    for label, text in (
        ("corpus", about.title),
        ("from", about.page),
        ("licence", about.licence),
        ("cite", about.citation),
        ("size", f"{size(source.fetch_bytes(record.missing_bytes))} to fetch{unpacked}"),
        ("to", f"{folder}{missing}"),
    ):
        out.print(f"{label:8} {text}", markup=False)


def _refuse_foreign(chosen: Place, data_dir: Path) -> None:
    """Raise UserError where the corpus's folder holds anything that no download placed: train would read it too."""
    base = data_dir / chosen.folder
    ours = [data_dir / source.folder for source in chosen.sources("both")]
    for folder in ours:
        placed(folder)
    if base not in ours and base.is_dir() and not set(base.iterdir()) <= set(ours):
        raise foreign(base)


def _refuse_full_disk(data_dir: Path, needed: int, folder: Path) -> None:
    free = free_bytes(data_dir)
    if free < needed:
        raise UserError(
            f"{folder} needs {size(needed)} of disk space while it is fetched, {data_dir} has {size(free)} free; "
            "make room, or download elsewhere with data_dir=DIR"
        )


@contextmanager
def _alone(scratch: Path) -> Iterator[None]:
    """Keep `scratch` for the block, locked against a second download; what is left there is for the next call.

    It is removed where the block ends well, or has brought nothing.
    """
    with usable(scratch.parent):
        scratch.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(scratch / LOCK)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UserError(f"another download works in {scratch}: wait for it, or end it") from None
    try:
        yield
        shutil.rmtree(scratch)
    finally:
        if scratch.is_dir() and not any(path.is_file() for path in scratch.rglob("*") if path.name != LOCK):
            shutil.rmtree(scratch)
        lock.release()


def _size_of(scratch: Path) -> int:
    return sum(path.stat().st_size for path in scratch.rglob("*") if path.is_file())


def _without_effect(node: Config) -> list[str]:
    """The corpus's keys that only training reads, where they are set."""
    parameters = inspect.signature(find_target(node["_target_"])).parameters
    return [
        f"corpus.{key} has no effect on a download"
        + ("; say where the corpus goes with data_dir=DIR" if key == "root" else "")
        for key, value in node.items()
        if key in parameters and key not in READ and value != parameters[key].default
    ]


def _next_command(name: str, channel: str, config: Config) -> str:
    words = [f"python -m ser_lightning.train corpus={name}"]
    words += [f"corpus.channel={channel}"] if name == "ravdess" and channel != "speech" else []
    words += [f"data_dir={config['data_dir']}"] if config["data_dir"] != os.environ.get("SER_DATA_DIR", "data") else []
    return " ".join(words)
