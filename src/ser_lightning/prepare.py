"""`python -m ser_lightning.prepare`: decode a corpus into its store ahead of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def prepare(config: DictConfig) -> None:
    """Prepare as configured, and say what is there."""
    from ser_lightning.config import plain
    from ser_lightning.preparation import prepare_corpus

    prepare_corpus(plain(config))


if __name__ == "__main__":
    run_command(prepare, "prepare")
