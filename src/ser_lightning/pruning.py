"""A trial of a search that is given up: training ends after the epoch in which the pruner saw no hope for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, cast

import pytorch_lightning


class Watched(Protocol):
    """A trial as training sees it; `metric` is a name of the task's log."""

    @property
    def metric(self) -> str:
        """What is reported."""

    def report(self, epoch: int, value: float) -> None:
        """Tell the value of an epoch, counted from 1."""

    def is_hopeless(self) -> bool:
        """Whether it should be given up."""

    def give_up(self) -> None:
        """Have the search know that it was."""


class PrunedError(Exception):
    """The run was given up after an epoch, counted from 1; no failure."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        super().__init__(f"given up after epoch {epoch}: the pruner saw no hope for this trial")


class Pruning(pytorch_lightning.Callback):
    """Reports each epoch and stops training where the trial is hopeless."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.pruned_after: int | None = None

    def on_train_epoch_end(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        """Validation is over, and all is logged."""
        epoch = trainer.current_epoch + 1
        self.watched.report(epoch, float(trainer.callback_metrics[self.watched.metric]))
        if epoch != trainer.max_epochs and self.watched.is_hopeless():  # after the last one its score costs nothing
            self.watched.give_up()
            self.pruned_after = epoch
            trainer.should_stop = True


@contextmanager
def pruned(trainer: pytorch_lightning.Trainer, watched: Watched | None) -> Iterator[None]:
    """Have a training within watched, if it is a trial; raises PrunedError at its end where it was given up."""
    if watched is None:
        yield
        return
    pruning = Pruning(watched)
    cast("Any", trainer).callbacks.insert(0, pruning)  # before checkpoints, which note that training is to stop
    yield
    if pruning.pruned_after is not None:
        raise PrunedError(pruning.pruned_after)
