"""`python -m ser_lightning.stack`: fit a meta-learner on the predictions of several runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def stack(config: DictConfig) -> None:
    """Stack as configured, in Hydra's run directory."""
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig

    from ser_lightning.config import plain
    from ser_lightning.stacking import stack_runs

    stack_runs(plain(config), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    run_command(stack, "stack")
