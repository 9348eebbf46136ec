"""The LightningDataModule: int16 windows of the store, and on the device augmentation and log-mel.

Nothing is precomputed but decoded audio. The frontend is the task's own, lent to this module, so that the one that
trains is the one that predicts and is saved.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
import polars
import pytorch_lightning
import torch
from annotated_types import Ge, Interval
from jaxtyping import Int16
from torch import Tensor

from ser_lightning.augment.pipeline import Augment
from ser_lightning.counted import Key, visited
from ser_lightning.data.batch import Batch, Images, Places
from ser_lightning.data.loader import BatchLoader
from ser_lightning.data.parts import Part
from ser_lightning.data.resident import Choice, copied, cut, is_resident
from ser_lightning.data.sampling import BalancedBy, group_numbers
from ser_lightning.data.store import TAIL_SECONDS, Store
from ser_lightning.data.windows import EvalBatches, Layout, Positions, TrainBatches, Windows
from ser_lightning.frontend.frontend import Frontend, to_float


class SpeechData(pytorch_lightning.LightningDataModule):
    """Batches of a split table (columns offset, length, label, part) and its store, as images on the device.

    `targets` [clip class] holds each row's class probabilities. Training takes random crops of `window_seconds`
    and augments; evaluation tiles each clip with such windows. `balanced_by` draws as many clips of every emotion,
    speaker or corpus in an epoch, which stays as long as it was. `resident` keeps the whole store on the device, where
    a batch is then a gather; otherwise each batch is gathered from the memory map while the device computes the last
    one, by a thread, or with `workers` > 0 by processes. Batches are the same, whichever it is.
    """

    samples: Int16[Tensor, "time"] | None

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
        resident: Choice = "auto",
        workers: Annotated[int, Ge(0)] = 0,
    ) -> None:
        super().__init__()
        self.window = round(window_seconds * store.rate)
        self.layout = Layout(table["offset"].to_numpy(), table["length"].to_numpy())
        self.parts = table["part"].to_numpy()
        self.groups = group_numbers(table, balanced_by)
        self.store = store
        self.targets = targets
        self.frontend = frontend
        self.augment = augment
        self.seed = seed
        self.batch_size = batch_size
        self.resident = resident
        self.workers = workers
        self.samples = None

    def setup(self, stage: str) -> None:
        """Bring the samples to the device of this process, where they are to lie there."""
        assert self.trainer is not None, "Lightning sets up"
        device = self.trainer.strategy.root_device
        if self.samples is None and is_resident(self.resident, len(self.store.samples), device):
            self.samples = copied(self.store.samples.flat, device)

    def rows(self, part: Part) -> npt.NDArray[np.int64]:
        """The table's rows of a part."""
        return np.flatnonzero(self.parts == part)

    def train_dataloader(self) -> BatchLoader:
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

    def val_dataloader(self) -> BatchLoader:
        """Every window of the validation part, this rank's share of the batches."""
        return self.evaluation_loader(self.rows("val"))

    def evaluation_loader(self, rows: npt.NDArray[np.int64]) -> BatchLoader:
        """Every window of these rows of the table, this rank's share of the batches."""
        return self._loader(self.evaluation_batches(rows))

    def evaluation_batches(self, rows: npt.NDArray[np.int64]) -> EvalBatches:
        """Which windows these are."""
        rank, world = self._place()
        return EvalBatches(self.layout, rows, window=self.window, batch_size=self.batch_size, rank=rank, world=world)

    def transfer_batch_to_device(self, batch: Batch | Places, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch on the device; of resident samples only the places travel, and the windows are cut there."""
        facts = batch.facts.moved(device)
        if isinstance(batch, Batch):
            return Batch(batch.wave.to(device, non_blocking=True), facts)
        assert self.samples is not None, "places are of resident samples"
        return Batch(cut(self.samples, batch.start.to(device, non_blocking=True), facts.length, self.window), facts)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Images:
        """On the device: float, augmentation while training, log-mel, image."""
        training = self.trainer is not None and self.trainer.training
        return self.images(batch, training=training)

    @torch.no_grad()
    def images(self, batch: Batch, *, training: bool) -> Images:
        """The images of a batch; `training` switches augmentation on."""
        wave, facts = to_float(batch.wave), batch.facts
        key = Key(self.seed, facts.epoch, visited(facts.clip, facts.visit))
        if training:
            wave = self.augment.to(wave.device).wave(wave, key)
        log_mel = self.frontend.log_mel(wave, facts.length)
        if training:
            log_mel = self.augment.spectrum(log_mel, key)
        return Images(self.frontend.to_image(log_mel), facts.length, facts.clip, facts.target)

    def _place(self) -> tuple[int, int]:
        """Rank and number of the processes."""
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _loader(self, batches: TrainBatches | EvalBatches) -> BatchLoader:
        if self.samples is not None:
            return BatchLoader(Positions(self.targets), batches, workers=self.workers, pinned=self._on_gpu())
        windows = Windows(
            self.store.samples, self.targets, window=self.window, pinned=self._on_gpu() and not self.workers
        )
        return BatchLoader(windows, batches, workers=self.workers, pinned=self._on_gpu())

    def _on_gpu(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
