"""`python -m ser_lightning.app`: a page in the browser to try a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def app(config: DictConfig) -> None:
    """Serve the page as configured, until a signal ends it."""
    from ser_lightning.config import plain
    from ser_lightning.trying.serving import serve

    serve(plain(config))


if __name__ == "__main__":
    run_command(app, "app")
