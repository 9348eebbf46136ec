"""The work of `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser_lightning.build import check
from ser_lightning.config import EvaluateSettings


def evaluate_run(config: Mapping[str, Any], run_dir: Path) -> None:
    """Not written yet."""
    check(config, EvaluateSettings)
    raise NotImplementedError(run_dir)
