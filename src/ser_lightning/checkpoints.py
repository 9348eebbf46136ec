"""The two checkpoints of a run: best.ckpt with the weights to predict with, last.ckpt with all that it takes to go on.

last.ckpt is written between any two optimizer steps: every some minutes or steps, at the end of an epoch, and when the
process is asked to stop. A run that goes on from it ends as one that was never broken off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM
from typing import Any

import pytorch_lightning
import torch
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping

from ser_lightning.data.loader import BatchLoader
from ser_lightning.files import atomic_path
from ser_lightning.stopping import StoppedError, StopRequest
from ser_lightning.task import MONITOR

Trainer = pytorch_lightning.Trainer
Module = pytorch_lightning.LightningModule

VALIDATION = "epoch_loop.val_loop.batch_progress"
"""Where Lightning keeps how far validation is."""


class WholeFiles(CheckpointIO):
    """Checkpoints written under another name and renamed, in their own folder, and read as plain values and tensors.

    Lightning writes to the folder for temporary files, from where a rename may be a copy that can be broken off.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None) -> None:
        """Write it, whole or not at all."""
        with atomic_path(Path(path)) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(
        self, path: str | Path, map_location: Callable[..., Any] | None = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Read it to the CPU; nothing in it is executed."""
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove it."""
        Path(path).unlink(missing_ok=True)


class BestCheckpoint(Checkpoint):
    """Writes the weights whenever the validation balanced accuracy is higher than ever."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.score = float("-inf")

    def on_validation_end(self, trainer: Trainer, pl_module: Module) -> None:
        """Compare, and write."""
        score = float(trainer.callback_metrics[MONITOR])
        if score > self.score:
            self.score = score
            trainer.save_checkpoint(self.path, weights_only=True)

    def state_dict(self) -> dict[str, Any]:
        """The highest score so far."""
        return {"score": self.score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on comparing with it."""
        self.score = state_dict["score"]


class LastCheckpoint(Checkpoint):
    """Writes all state between steps: every `minutes` or `steps`, at the end of an epoch, and on a signal.

    Of several processes one that is asked to stop is enough, and the first one's clock counts.
    """

    def __init__(self, path: Path, stop: StopRequest, *, minutes: float | None, steps: int | None) -> None:
        self.path = path
        self.stop = stop
        self.seconds = float("inf") if minutes is None else 60 * minutes
        self.steps = steps
        self.saved_at = (0.0, 0)
        self.position: dict[str, int] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: Module) -> None:
        """Have signals noted from here on, and batches begin where the run was broken off.

        Lightning has put handlers of its own, and has forgotten the loader's state: it asked for the loader's length,
        to know the number of steps, before it had read the checkpoint.
        """
        if self.position is not None:
            _loader(trainer).load_state_dict(self.position)
        self.stop.install()
        self.stop.deferred = True
        self._note(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: Module) -> None:
        """What comes now needs nobody to save it."""
        self.stop.deferred = False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: Module, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Save, unless gradients are being accumulated; after the last step of an epoch validation comes first."""
        done = batch_idx + 1
        if done < trainer.num_training_batches and done % trainer.accumulate_grad_batches == 0:
            self._save_if_due(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: Module) -> None:
        """The last step of the epoch is done."""
        self._save_if_due(trainer)

    def on_validation_batch_end(self, trainer: Trainer, pl_module: Module, *about: object) -> None:
        """Stop in the middle of validation; it begins anew in the run that goes on."""
        if trainer.world_size == 1 and self.stop.signal is not None:  # processes validate unlike numbers of batches
            self._save_if_due(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Module) -> None:
        """Save every epoch."""
        self._save_if_due(trainer, always=True)

    def on_exception(self, trainer: Trainer, pl_module: Module, exception: BaseException) -> None:
        """Nobody looks at signals any more."""
        self.stop.deferred = False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: Module, checkpoint: dict[str, Any]) -> None:
        """In the middle of validation: say that it is to begin anew."""
        if trainer.validating:
            begun = {"ready": 1, "started": 1, "processed": 0, "completed": 0}  # as Lightning knows a broken off one
            checkpoint["loops"]["fit_loop"][VALIDATION] = {"total": begun, "current": begun, "is_last_batch": False}
        checkpoint["position"] = _loader(trainer).state_dict()
        checkpoint["stopped_early"] = trainer.should_stop

    def on_load_checkpoint(self, trainer: Trainer, pl_module: Module, checkpoint: dict[str, Any]) -> None:
        """Note where batches begin; a run that stopped early trains no further."""
        self.position = checkpoint["position"]
        trainer.should_stop = checkpoint["stopped_early"]

    def _save_if_due(self, trainer: Trainer, *, always: bool = False) -> None:
        seconds, step = self.saved_at
        late = trainer.is_global_zero and time.monotonic() - seconds >= self.seconds
        late, asked = _any_process(trainer, late, self.stop.signal is not None)
        if always or late or asked or (self.steps is not None and trainer.global_step - step >= self.steps):
            trainer.save_checkpoint(self.path)
            self._note(trainer)
        if asked:
            raise StoppedError(self.stop.signal or SIGTERM)

    def _note(self, trainer: Trainer) -> None:
        self.saved_at = (time.monotonic(), trainer.global_step)


def checkpoint_callbacks(
    folder: Path, stop: StopRequest, *, minutes: float | None, steps: int | None
) -> list[Checkpoint]:
    """best.ckpt by validation balanced accuracy, and last.ckpt; in this order, as the last one says all."""
    return [
        BestCheckpoint(folder / "best.ckpt"),
        LastCheckpoint(folder / "last.ckpt", stop, minutes=minutes, steps=steps),
    ]


def early_stopping_callback(patience: int) -> EarlyStopping:
    """Stops after `patience` epochs without a better validation balanced accuracy."""
    return EarlyStopping(MONITOR, mode="max", patience=patience)


def _loader(trainer: Trainer) -> BatchLoader:
    loader = trainer.train_dataloader
    assert isinstance(loader, BatchLoader), "ours"
    return loader


def _any_process(trainer: Trainer, *asked: bool) -> list[bool]:
    """For each question whether any of the processes says so; all of them get the same answers."""
    if trainer.world_size == 1:
        return list(asked)
    votes = torch.tensor(asked, dtype=torch.float32, device=trainer.strategy.root_device)
    summed = trainer.strategy.reduce(votes, reduce_op="sum")
    assert isinstance(summed, torch.Tensor), "as what was summed"
    return [vote > 0 for vote in summed.tolist()]
