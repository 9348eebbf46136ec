"""The LightningModule: what a training step, a validation and an optimizer are. It knows no paths and no config."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning
import torch
from jaxtyping import Float
from pytorch_lightning.plugins.precision import MixedPrecision
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.distributed.fsdp import FSDPModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from ser_lightning.clip_average import ClipAverage
from ser_lightning.collectives import share_buffers
from ser_lightning.counted import step_seed
from ser_lightning.data.batch import Images
from ser_lightning.frontend.frontend import Frontend
from ser_lightning.losses import WeightedCrossEntropy
from ser_lightning.metrics import EpochScores, balanced_accuracy, computed_scores, emotion_metrics
from ser_lightning.models.network import EmotionNetwork
from ser_lightning.sharding import shard

MONITOR = "val_balanced_accuracy"
"""What the best checkpoint and early stopping go by."""


class EmotionTask(pytorch_lightning.LightningModule):
    """Trains `network` on images; owns the frontend, so that it moves and is saved with the network.

    `make_optimizer(network)` and `make_scheduler(optimizer, total_steps)` are called when training starts.
    `description` is the closed account of what is needed to predict; each checkpoint carries it.
    """

    train_confusion: Tensor
    train_loss: Tensor

    def __init__(
        self,
        network: EmotionNetwork,
        frontend: Frontend,
        loss: WeightedCrossEntropy,
        make_optimizer: Callable[[EmotionNetwork], Optimizer],
        make_scheduler: Callable[[Optimizer, int], LambdaLR],
        *,
        labels: tuple[str, ...],
        num_clips: int,
        seed: int,
        description: Mapping[str, Any],
    ) -> None:
        super().__init__()
        network.to(memory_format=torch.channels_last)
        self.network = network
        self.frontend = frontend
        self.loss = loss
        self.make_optimizer = make_optimizer
        self.make_scheduler = make_scheduler
        self.labels = labels
        self.num_clips = num_clips
        self.seed = seed
        self.description = dict(description)
        self.metrics = emotion_metrics(len(labels))
        self.averages = ClipAverage(0, len(labels))
        self.whole = (network,)  # in a tuple, where Lightning and its checkpoints do not find it a second time
        self.training_logits: Callable[[Tensor], Tensor] = self.forward
        self.register_buffer("train_confusion", torch.zeros(len(labels), len(labels)), persistent=False)
        self.register_buffer("train_loss", torch.zeros((), dtype=torch.float64), persistent=False)

    def forward(self, image: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch class"]:
        """Logits of images."""
        logits: Tensor = self.network(image.contiguous(memory_format=torch.channels_last))
        return logits

    def compile_steps(self, mode: str) -> None:
        """Compile the network's part of a training step; evaluation, whose batches vary in size, stays as it is."""
        self.training_logits = torch.compile(self.forward, mode=mode, dynamic=False)

    def setup(self, stage: str) -> None:
        """Let DDP see every parameter that will be trained; those that begin frozen are frozen with the first epoch."""
        self.network.requires_grad_()

    def configure_model(self) -> None:
        """Divide the network among the processes where the strategy is to; `whole` stays for what comes afterwards."""
        if self.device_mesh is not None and not isinstance(self.network, FSDPModule):
            self.whole = (shard(self.network, self.device_mesh["data_parallel"]),)

    def whole_network(self) -> EmotionNetwork:
        """The network to load the best weights into: a whole one, on this process alone."""
        return self.whole[0]

    def on_train_start(self) -> None:
        """Freeze or thaw the backbone, as an epoch that goes on in its middle has no start; all with one network."""
        self.network.start_epoch(self.current_epoch)
        share_buffers(self.network)

    def on_train_epoch_start(self) -> None:
        """Freeze or thaw the backbone; nothing is summed up yet."""
        self.network.start_epoch(self.current_epoch)
        self.train_confusion.zero_()
        self.train_loss.zero_()

    def on_train_batch_start(self, batch: Images, batch_idx: int) -> None:
        """Seed dropout and drop-path by step, so that a resumed run draws what an unbroken one draws."""
        step = self.current_epoch * int(self.trainer.num_training_batches) + batch_idx
        torch.manual_seed(step_seed(self.seed, step, self.global_rank))

    def training_step(self, batch: Images, batch_idx: int) -> Tensor:
        """The weighted loss of a batch of crops."""
        logits = self.training_logits(batch.image)
        loss: Tensor = self.loss(logits, batch.target)
        cells = (batch.target.argmax(1), logits.detach().argmax(1))
        self.train_confusion.index_put_(cells, torch.ones_like(batch.target[:, 0]), accumulate=True)
        self.train_loss += loss.detach() * len(batch.clip)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Start with no windows seen, and with one network: batch statistics are the first process's."""
        share_buffers(self.network)
        self.averages = ClipAverage(self.num_clips, len(self.labels), self.device)
        self.metrics.reset()

    def validation_step(self, batch: Images, batch_idx: int) -> None:
        """Add the windows' probabilities to their clips'."""
        self.averages.add(self(batch.image).float().softmax(1), batch.length, batch.clip, batch.target)

    def on_validation_epoch_end(self) -> None:
        """Score the whole part."""
        loss, scored = self._score()
        train_loss, confusion = self._training_sums()
        self.log("train_loss", (train_loss / confusion.sum()).float())
        self.log("train_balanced_accuracy", balanced_accuracy(confusion))
        self.log("val_loss", loss)
        self.log("val_accuracy", scored["accuracy"])
        self.log(MONITOR, scored["balanced_accuracy"], prog_bar=True)
        self.log("val_macro_f1", scored["macro_f1"])
        for label, recall in scored["recall"].items():
            if not math.isnan(recall):
                self.log(f"val_recall_{label}", recall)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimizer, and its schedule per step."""
        optimizer = self.make_optimizer(self.network)
        scheduler = self.make_scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by norm without asking the device for it; Lightning refuses to where the optimizer is fused."""
        if not gradient_clip_val:
            return
        precision = self.trainer.precision_plugin
        if isinstance(precision, MixedPrecision) and precision.scaler is not None:
            precision.scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), gradient_clip_val)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the closed description of what is needed to predict, and what this epoch has summed up so far."""
        checkpoint["recognizer"] = self.description
        checkpoint["training_sums"] = self._training_sums()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on summing up; what all processes had is the first one's now."""
        for mine, saved in zip((self.train_loss, self.train_confusion), checkpoint["training_sums"], strict=True):
            mine.copy_(saved if self.global_rank == 0 else torch.zeros_like(saved))

    def _training_sums(self) -> tuple[Tensor, Tensor]:
        """The sum of this epoch's training losses over clips, and its confusion [truth guess], of all processes."""
        loss, confusion = (
            self.trainer.strategy.reduce(own.clone(), reduce_op="sum")
            for own in (self.train_loss, self.train_confusion)
        )
        return loss, confusion

    def _score(self) -> tuple[Tensor, EpochScores]:
        """The weighted loss on clip probabilities, and the scores; every process has all clips."""
        loader: Any = self.trainer.val_dataloaders
        _, probabilities, target = self.averages.result(loader.sampler.num_windows)
        self.metrics.update(probabilities, target.argmax(1))
        loss: Tensor = self.loss(probabilities.clamp(min=1e-12).log(), target)
        return loss, computed_scores(self.metrics, self.labels)
