"""`python -m ser_lightning.train`: train a model, test its best checkpoint, and leave a run directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train(config: DictConfig) -> None:
    """Train as configured, in Hydra's run directory."""
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig

    from ser_lightning.config import plain
    from ser_lightning.run import train_run

    train_run(plain(config), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    run_command(train, "train")
