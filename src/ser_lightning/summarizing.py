"""The work of `summarize`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser_lightning.build import check
from ser_lightning.config import SummarizeSettings


def summarize_runs(config: Mapping[str, Any], run_dir: Path) -> None:
    """Not written yet."""
    check(config, SummarizeSettings)
    raise NotImplementedError(run_dir)
