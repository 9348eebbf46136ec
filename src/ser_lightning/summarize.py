"""`python -m ser_lightning.summarize`: folds and seeds together, configurations ranked, differences tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def summarize(config: DictConfig) -> None:
    """Summarize as configured, in Hydra's run directory."""
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig

    from ser_lightning.config import plain
    from ser_lightning.summarizing import summarize_runs

    summarize_runs(plain(config), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    run_command(summarize, "summarize")
