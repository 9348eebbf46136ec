"""What a multirun says when its last job is done: how its runs compare. Hydra calls it, by `hydra.callbacks`.

Hydra imports this file before every command, so it imports nothing heavy at the top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hydra.experimental.callback import Callback

if TYPE_CHECKING:
    from omegaconf import DictConfig


class SweepEnd(Callback):
    """Prints the ranking of the finished runs of a multirun; with `leak_gap`, known voices beside new ones instead.

    Without `compare` nothing is printed, as what runs the jobs tells it.
    """

    def __init__(self, *, leak_gap: bool = False, compare: bool = True) -> None:
        self.compare = compare
        self.leak_gap = leak_gap

    def on_multirun_end(self, config: DictConfig, **kwargs: object) -> None:
        """Read the multirun's folder and print; Hydra does not come here where a job has failed."""
        from pathlib import Path

        from ser_lightning.summarizing import tell_multirun

        if self.compare:
            tell_multirun(Path(config.hydra.sweep.dir), leak_gap=self.leak_gap)
