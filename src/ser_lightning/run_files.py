"""What a run writes about itself besides its config and its results: environment, split, and what was left out."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import torch

from ser_lightning.data.leaks import Leaks, leaks_file
from ser_lightning.errors import UserError
from ser_lightning.files import atomic_path, write_text

ENVIRONMENT = "environment.json"
PACKAGES = (
    "torch",
    "torchaudio",
    "pytorch-lightning",
    "timm",
    "torchmetrics",
    "hydra-core",
    "numpy",
    "soundfile",
    "soxr",
)


def write_run_files(run_dir: Path, table: pl.DataFrame, left_out: tuple[tuple[str, str], ...], leaks: Leaks) -> None:
    """Write split.csv, leaks.json, and left_out.csv where clips were left out."""
    write_csv(run_dir / "split.csv", table.select("clip", "part", "corpus", "speaker", "emotion"))
    write_text(run_dir / "leaks.json", json.dumps(leaks_file(leaks), indent=1, ensure_ascii=False) + "\n")
    if left_out:
        paths, reasons = zip(*left_out, strict=True)
        write_csv(run_dir / "left_out.csv", pl.DataFrame({"path": paths, "reason": reasons}))


def keep_environment(run_dir: Path, config: Mapping[str, Any], table: pl.DataFrame) -> str:
    """Write environment.json, or find that the run began with the same clips; the run's id.

    Raises UserError where these are others.
    """
    path = run_dir / ENVIRONMENT
    now = environment(config, table)
    if not path.exists():
        write_text(path, json.dumps(now, indent=2) + "\n")
        return str(now["run_id"])
    begun = json.loads(path.read_text(encoding="utf-8"))
    if begun["manifest_hash"] != now["manifest_hash"]:
        raise UserError(
            f"{run_dir} began with other clips than the corpus has now, so it cannot go on; start a new run"
        )
    return str(begun["run_id"])


def write_csv(path: Path, table: pl.DataFrame) -> None:
    """Write a table as CSV in one rename."""
    with atomic_path(path) as temporary:
        table.write_csv(temporary)


def environment(config: Mapping[str, Any], table: pl.DataFrame) -> dict[str, Any]:
    """Versions, git revision, hardware, a hash of the manifest, the seed, and an id that no other run has."""
    manifest = hashlib.blake2b("\n".join(table["clip"] + " " + table["hash"]).encode(), digest_size=16)
    return {
        "run_id": secrets.token_hex(4),
        "ser_lightning": importlib.metadata.version("ser-lightning"),
        "git_revision": _git_revision(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "manifest_hash": manifest.hexdigest(),
        "seed": config["seed"],
    }


def _git_revision() -> str | None:
    """The revision of the checkout that this package runs from, with + where it was changed; None for a wheel."""
    package = Path(__file__).parent
    if not (package.parent.parent / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(package), "describe", "--always", "--dirty=+", "--abbrev=40", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
