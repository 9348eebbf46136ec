"""The progress bar, with the loss of the last steps in it, for which no step waits.

Lightning reads every value that is logged for its bar back from the device, twice a step. Here the loss is copied to
pinned memory behind the step's own work, and the bar shows what has arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning
import torch
from pytorch_lightning.callbacks import RichProgressBar
from torch import Tensor


class LossBar(RichProgressBar):
    """Lightning's bar on stderr, which is gone after training; `loss` beside it."""

    def __init__(self, **console: Any) -> None:
        super().__init__(leave=False, console_kwargs={"stderr": True} | console)
        self.shown = torch.full((), torch.nan)

    def on_train_start(self, trainer: pytorch_lightning.Trainer, pl_module: pytorch_lightning.LightningModule) -> None:
        """Make room for a loss that can arrive by itself."""
        super().on_train_start(trainer, pl_module)
        self.shown = torch.full((), torch.nan, pin_memory=trainer.strategy.root_device.type == "cuda")

    def on_train_batch_end(
        self,
        trainer: pytorch_lightning.Trainer,
        pl_module: pytorch_lightning.LightningModule,
        outputs: Tensor | Mapping[str, Any] | None,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Send for the loss of this step, and show what is there."""
        if isinstance(outputs, Mapping):
            self.shown.copy_(outputs["loss"].detach(), non_blocking=True)
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def get_metrics(
        self, trainer: pytorch_lightning.Trainer, pl_module: pytorch_lightning.LightningModule
    ) -> dict[str, Any]:
        """What stands beside the bar."""
        return {"loss": float(self.shown), **super().get_metrics(trainer, pl_module)}
