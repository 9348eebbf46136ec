"""`python -m ser_lightning.describe`: write a corpus's data card, one HTML page that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def describe(config: DictConfig) -> None:
    """Describe as configured, in a folder of the corpus's name in Hydra's run directory."""
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig

    from ser_lightning.config import plain
    from ser_lightning.description import describe_corpus

    describe_corpus(plain(config), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    run_command(describe, "describe")
