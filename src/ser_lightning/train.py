"""`python -m ser_lightning.train`: train a model, test its best checkpoint, and leave a run directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train(config: DictConfig) -> str:
    """Train as configured, in Hydra's run directory, whose path it returns."""
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from ser_lightning.config import plain
    from ser_lightning.run import train_run

    state = HydraConfig.get()
    sweep = Path(state.sweep.dir).name if state.mode is RunMode.MULTIRUN else None
    run_dir = Path(state.runtime.output_dir)
    train_run(plain(config), run_dir, sweep=sweep)
    return str(run_dir)


if __name__ == "__main__":
    run_command(train, "train")
