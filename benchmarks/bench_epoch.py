"""Pipeline efficiency: what share of a real training epoch the network's own steps take; and a plain loop beside it.

    python benchmarks/bench_epoch.py --root DIR                        RAVDESS: resnet18 and efficientnet_b0
    python benchmarks/bench_epoch.py --synthetic 12000 --backbones tf_efficientnet_b7 resnet50 --set trainer=gpu

Efficiency = (time of the same number of optimizer steps of the same network on one log-mel batch that lies on the
device already) / (time of a training epoch: crops, augmentation, log-mel, loss, scores, logging). Validation is
outside. Both are timed in turn, epoch by epoch, in one process; the first epoch does not count. `input` is the live
figure that every run logs. With --plain the epoch of a plain Lightning loop, librosa's mels in its Dataset, follows.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytorch_lightning
import torch
from torch.nn import functional

from measuring import finish, machine, print_table, ratios, spread
from ser_lightning.callbacks import EpochLog
from training import Training, training


class BareSteps:
    """Forward, cross-entropy, backward and optimizer of a copy of the network, on one log-mel batch on the device."""

    def __init__(self, run: Training) -> None:
        device = run.trainer.strategy.root_device
        self.device = device
        self.network = copy.deepcopy(run.task.network).to(device).train()
        self.optimizer = run.task.make_optimizer(self.network)
        image = torch.randn(run.module.batch_size, *run.task.frontend.image_shape(run.module.window), device=device)
        self.image = image.contiguous(memory_format=torch.channels_last)
        self.target = torch.arange(len(image), device=device) % len(run.data.labels)
        self.low = run.trainer.precision == "bf16-mixed"

    def __call__(self, steps: int) -> float:
        """Seconds of so many steps, until the device is done with them."""
        finish(self.device)
        start = time.perf_counter()
        for _ in range(steps):
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.low):
                loss = functional.cross_entropy(self.network(self.image), self.target)
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.optimizer.step()
        finish(self.device)
        return time.perf_counter() - start


class InTurn(pytorch_lightning.Callback):
    """Times each training epoch, and bare steps after it."""

    def __init__(self, bare: Callable[[int], float]) -> None:
        self.bare = bare
        self.epochs: list[float] = []
        self.steps: list[float] = []
        self.started = 0.0

    def on_train_epoch_start(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        finish(trainer.strategy.root_device)
        self.started = time.perf_counter()

    def on_validation_epoch_start(
        self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule
    ) -> None:
        finish(trainer.strategy.root_device)
        self.epochs.append(time.perf_counter() - self.started)

    def on_train_epoch_end(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        with torch.enable_grad():
            self.steps.append(self.bare(int(trainer.num_training_batches)))


def measure(backbone: str, overrides: list[str], epochs: int) -> list[str]:
    """A row of the table: efficiency of one backbone."""
    run = training(
        [
            *overrides,
            f"model.backbone={backbone}",
            f"trainer.max_epochs={epochs + 1}",
            "trainer.early_stopping_patience=null",
        ]
    )
    turns = InTurn(BareSteps(run))
    # Lightning runs callbacks in their order: the run's own come first, checkpoints are left out.
    log = next(one for one in run.trainer.callbacks if isinstance(one, EpochLog))  # type: ignore[attr-defined]
    run.trainer.callbacks = [log, turns]  # type: ignore[attr-defined]
    run.trainer.fit(run.task, datamodule=run.module)
    steps = int(run.trainer.num_training_batches)
    epoch, bare = turns.epochs[1:], turns.steps[1:]
    images = [steps * run.module.batch_size / taken for taken in epoch]
    shares = [row["input_share"] for row in log.times[1:]]
    return [
        backbone,
        str(steps),
        spread([taken / steps for taken in bare], 1000, 1),
        spread([taken / steps for taken in epoch], 1000, 1),
        spread(ratios(bare, epoch)),
        f"{statistics.median(shares):.3f}",
        spread(images, digits=0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora/RAVDESS"))
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "efficientnet_b0"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--set", nargs="*", default=[], help="further overrides of train")
    arguments = parser.parse_args()
    overrides = ["corpus=ravdess", f"corpus.root={arguments.root}", "logger=csv", *arguments.set]
    print(f"{machine('torch', 'pytorch-lightning', 'timm')}\n")
    rows = [measure(backbone, overrides, arguments.epochs) for backbone in arguments.backbones]
    head = ["network", "steps", "bare step, ms", "epoch / step, ms", "efficiency", "input", "images/s"]
    print_table(head, rows)


if __name__ == "__main__":
    main()
