"""`python -m ser_lightning.export`: a trained model as one file for onnxruntime or torch, in a folder for a hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def export(config: DictConfig) -> None:
    """Export as configured, into the run's own folder."""
    from ser_lightning.config import plain
    from ser_lightning.exporting import export_run

    export_run(plain(config))


if __name__ == "__main__":
    run_command(export, "export")
