"""`python -m ser_lightning.listen`: watch a trained model listen to the microphone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def listen(config: DictConfig) -> None:
    """Listen as configured, until the source ends or Ctrl-C."""
    from ser_lightning.config import plain
    from ser_lightning.listening import listen_live

    listen_live(plain(config))


if __name__ == "__main__":
    run_command(listen, "listen")
