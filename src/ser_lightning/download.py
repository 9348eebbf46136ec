"""`python -m ser_lightning.download`: fetch a corpus from its official place, verified, to where train finds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def download(config: DictConfig) -> None:
    """Download as configured, and say what is there."""
    from ser_lightning.config import plain
    from ser_lightning.downloads.command import corpus_name, download_corpus

    corpus_name(config)  # first of all: a corpus that cannot be downloaded may refer to keys that only train has
    download_corpus(plain(config))


if __name__ == "__main__":
    run_command(download, "download")
