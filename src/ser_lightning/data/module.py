"""The LightningDataModule: int16 windows from the store, and on the device augmentation and log-mel.

Nothing is precomputed but decoded audio. The frontend is the task's own, lent to this module, so that the one that
trains is the one that predicts and is saved.
"""

from __future__ import annotations

from typing import Annotated, cast

import numpy as np
import numpy.typing as npt
import polars
import pytorch_lightning
import torch
from annotated_types import Ge, Interval
from torch.utils.data import DataLoader

from ser_lightning.augment.pipeline import Augment
from ser_lightning.counted import Key, visited
from ser_lightning.data.batch import Batch, Images
from ser_lightning.data.parts import Part
from ser_lightning.data.sampling import BalancedBy, group_numbers
from ser_lightning.data.store import TAIL_SECONDS, Store
from ser_lightning.data.windows import EvalBatches, Layout, Request, TrainBatches, Windows
from ser_lightning.frontend.frontend import Frontend, to_float


class SpeechData(pytorch_lightning.LightningDataModule):
    """Batches of a split table (columns offset, length, label, part) and its store, as images on the device.

    `targets` [clip class] holds each row's class probabilities. Training takes random crops of `window_seconds`
    and augments; evaluation tiles each clip with such windows. `balanced_by` draws as many clips of every emotion,
    speaker or corpus in an epoch, which stays as long as it was. With `workers` > 0 processes read ahead.
    """

    def __init__(
        self,
        table: polars.DataFrame,
        store: Store,
        targets: npt.NDArray[np.float32],
        frontend: Frontend,
        augment: Augment,
        *,
        seed: Annotated[int, Ge(0)],
        batch_size: Annotated[int, Ge(1)] = 32,
        window_seconds: Annotated[float, Interval(gt=0, le=TAIL_SECONDS)] = 3.0,
        balanced_by: BalancedBy | None = None,
        workers: Annotated[int, Ge(0)] = 0,
    ) -> None:
        super().__init__()
        self.window = round(window_seconds * store.rate)
        self.layout = Layout(table["offset"].to_numpy(), table["length"].to_numpy())
        self.parts = table["part"].to_numpy()
        self.groups = group_numbers(table, balanced_by)
        self.windows = Windows(store.samples, targets, window=self.window)
        self.frontend = frontend
        self.augment = augment
        self.seed = seed
        self.batch_size = batch_size
        self.workers = workers

    def rows(self, part: Part) -> npt.NDArray[np.int64]:
        """The table's rows of a part."""
        return np.flatnonzero(self.parts == part)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Random crops of the training clips, this rank's share."""
        rank, world = self._place()
        batches = TrainBatches(
            self.layout,
            self.rows("train"),
            window=self.window,
            batch_size=self.batch_size,
            seed=self.seed,
            groups=self.groups,
            rank=rank,
            world=world,
        )
        return self._loader(batches)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Every window of the validation part, this rank's share of its clips."""
        rank, world = self._place()
        return self.evaluation_loader(self.rows("val"), rank=rank, world=world)

    def evaluation_loader(self, rows: npt.NDArray[np.int64], *, rank: int = 0, world: int = 1) -> DataLoader[Batch]:
        """Every window of these rows of the table."""
        batches = EvalBatches(self.layout, rows, window=self.window, batch_size=self.batch_size, rank=rank, world=world)
        return self._loader(batches)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Images:
        """On the device: float, augmentation while training, log-mel, image."""
        training = self.trainer is not None and self.trainer.training
        return self.images(batch, training=training)

    @torch.no_grad()
    def images(self, batch: Batch, *, training: bool) -> Images:
        """The images of a batch; `training` switches augmentation on."""
        wave = to_float(batch.wave)
        key = Key(self.seed, batch.epoch, visited(batch.clip, batch.visit))
        if training:
            wave = self.augment.to(wave.device).wave(wave, key)
        log_mel = self.frontend.log_mel(wave, batch.length)
        if training:
            log_mel = self.augment.spectrum(log_mel, key)
        return Images(self.frontend.to_image(log_mel), batch.length, batch.clip, batch.target)

    def _place(self) -> tuple[int, int]:
        """Rank and number of the processes."""
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _loader(self, batches: TrainBatches | EvalBatches) -> DataLoader[Batch]:
        # A request is a whole batch, so the loader neither batches nor collates.
        sampler = cast("torch.utils.data.Sampler[Request]", batches)
        return DataLoader(
            self.windows,
            batch_size=None,
            sampler=sampler,
            num_workers=self.workers,
            pin_memory=self.trainer is not None and self.trainer.strategy.root_device.type == "cuda",
            persistent_workers=self.workers > 0,
        )
