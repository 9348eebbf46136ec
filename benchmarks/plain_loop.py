"""The loop that a user writes without us: librosa's mels in a Dataset, a timm network in a LightningModule.

Each clip is decoded and transformed anew in every epoch, by two worker processes, as tutorials have it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import librosa
import numpy as np
import pytorch_lightning
import timm
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchmetrics.classification import MulticlassAccuracy

RATE = 16000


class MelDataset(Dataset[tuple[Tensor, int]]):
    """Log-mel images [1 mel frame] of files, cropped or padded to `seconds`, and their labels."""

    def __init__(self, paths: Sequence[str], labels: Sequence[int], *, seconds: float = 3.0) -> None:
        self.paths, self.labels = paths, labels
        self.time = round(seconds * RATE)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Load, crop or pad, transform."""
        wave, _ = librosa.load(self.paths[index], sr=RATE)
        start = random.randint(0, max(0, len(wave) - self.time))
        wave = librosa.util.fix_length(wave[start : start + self.time], size=self.time)
        mel = librosa.feature.melspectrogram(y=wave, sr=RATE, n_fft=1024, hop_length=160, n_mels=64, fmin=50.0)
        decibels = librosa.power_to_db(mel, ref=np.max)
        image = (decibels - decibels.mean()) / (decibels.std() + 1e-6)
        return torch.from_numpy(image).float()[None], self.labels[index]


class PlainModule(pytorch_lightning.LightningModule):
    """A timm network, cross-entropy and accuracies."""

    def __init__(self, backbone: str, num_classes: int) -> None:
        super().__init__()
        self.network = timm.create_model(backbone, in_chans=1, num_classes=num_classes)
        self.train_accuracy = MulticlassAccuracy(num_classes)
        self.val_accuracy = MulticlassAccuracy(num_classes)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Loss and accuracy of a batch."""
        image, label = batch
        logits = self.network(image)
        loss = functional.cross_entropy(logits, label)
        self.train_accuracy(logits, label)
        self.log("train_loss", loss)
        self.log("train_accuracy", self.train_accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Accuracy of a batch."""
        image, label = batch
        self.val_accuracy(self.network(image), label)
        self.log("val_accuracy", self.val_accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def plain_loaders(
    train: tuple[Sequence[str], Sequence[int]], val: tuple[Sequence[str], Sequence[int]], *, batch_size: int
) -> tuple[DataLoader[tuple[Tensor, int]], DataLoader[tuple[Tensor, int]]]:
    """Shuffled training batches and validation batches, two workers each, kept from epoch to epoch."""
    return (
        DataLoader(
            MelDataset(*train),
            batch_size=batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=2,
            persistent_workers=True,
        ),
        DataLoader(MelDataset(*val), batch_size=batch_size, num_workers=2, persistent_workers=True),
    )
