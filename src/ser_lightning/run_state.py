"""What a run directory holds: nothing yet, a run that was broken off, or a finished one; and of which configuration.

config.yaml is the first file of a run and the report's page the last, so these two say how far it came.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from ser_lightning.errors import UserError
from ser_lightning.files import write_text

CONFIG = "config.yaml"
PRUNED = "pruned.json"
"""That a search gave the run up, and after which epoch."""
LAST_WRITTEN = ("metrics.json", "report/index.html")
NOT_COMPARED = ("cache_dir", "logger", "resume", "trial")
"""Keys that change no result, so that a run broken off may go on with others."""


class RunState(Enum):
    """How far the run in a folder came."""

    NEW = "new"
    UNFINISHED = "unfinished"
    FINISHED = "finished"


def run_state(run_dir: Path) -> RunState:
    """How far the run in `run_dir` came; a folder that is not there is a new one."""
    if all((run_dir / name).is_file() for name in LAST_WRITTEN):
        return RunState.FINISHED
    return RunState.UNFINISHED if (run_dir / CONFIG).is_file() else RunState.NEW


def config_hash(config: Mapping[str, Any]) -> str:
    """16 hex digits of a resolved config; those of two configs are the same where their runs must be.

    >>> config_hash({"seed": 0, "cache_dir": "a"}) == config_hash({"cache_dir": "b", "seed": 0})
    True
    >>> config_hash({"seed": 0}) == config_hash({"seed": 1})
    False
    """
    compared = {key: value for key, value in config.items() if key not in NOT_COMPARED}
    return hashlib.blake2b(json.dumps(compared, sort_keys=True).encode(), digest_size=8).hexdigest()


def num_epochs(run_dir: Path) -> int:
    """How many epochs a run has trained to their end, as log.csv has them."""
    log = run_dir / "log.csv"
    return max(0, len(log.read_text(encoding="utf-8").splitlines()) - 1) if log.is_file() else 0


def write_config(run_dir: Path, config: Mapping[str, Any]) -> None:
    """Write config.yaml."""
    write_text(run_dir / CONFIG, yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))


def read_config(run_dir: Path) -> dict[str, Any]:
    """The config of a run; raises UserError where there is none, or where it cannot be read."""
    path = run_dir / CONFIG
    if not path.is_file():
        raise UserError(f"{run_dir} holds no run: there is no {CONFIG} in it")
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path} says what a run is, and it cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(config, dict):
        raise UserError(f"{path} says what a run is: it must be a mapping of keys to values")
    return config
