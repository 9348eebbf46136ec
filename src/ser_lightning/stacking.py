"""The work of `stack`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser_lightning.build import check
from ser_lightning.config import StackSettings


def stack_runs(config: Mapping[str, Any], run_dir: Path) -> None:
    """Not written yet."""
    check(config, StackSettings)
    raise NotImplementedError(run_dir)
