"""`python -m ser_lightning.evaluate`: score a trained model on its own test part, or on any corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def evaluate(config: DictConfig) -> None:
    """Evaluate as configured, in Hydra's run directory."""
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig

    from ser_lightning.config import plain
    from ser_lightning.evaluating import evaluate_run

    evaluate_run(plain(config), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    run_command(evaluate, "evaluate")
