"""What a run writes about itself besides its results: config, environment, split, and what was left out."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import torch
import yaml

from ser_lightning.data.leaks import Leaks, leaks_file
from ser_lightning.files import atomic_path, write_text

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


def write_run_files(
    run_dir: Path,
    config: Mapping[str, Any],
    table: pl.DataFrame,
    left_out: tuple[tuple[str, str], ...],
    leaks: Leaks,
) -> None:
    """Write config.yaml, environment.json, split.csv, leaks.json, and left_out.csv where clips were left out."""
    write_text(run_dir / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
    write_text(run_dir / "environment.json", json.dumps(environment(config, table), indent=2) + "\n")
    write_csv(run_dir / "split.csv", table.select("clip", "part", "corpus", "speaker", "emotion"))
    write_text(run_dir / "leaks.json", json.dumps(leaks_file(leaks), indent=1, ensure_ascii=False) + "\n")
    if left_out:
        paths, reasons = zip(*left_out, strict=True)
        write_csv(run_dir / "left_out.csv", pl.DataFrame({"path": paths, "reason": reasons}))


def write_csv(path: Path, table: pl.DataFrame) -> None:
    """Write a table as CSV in one rename."""
    with atomic_path(path) as temporary:
        table.write_csv(temporary)


def environment(config: Mapping[str, Any], table: pl.DataFrame) -> dict[str, Any]:
    """Versions, git revision, hardware, a hash of the manifest and the seed."""
    manifest = hashlib.blake2b("\n".join(table["clip"] + " " + table["hash"]).encode(), digest_size=16)
    return {
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
