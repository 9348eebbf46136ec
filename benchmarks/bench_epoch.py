"""Pipeline efficiency: what share of a real training epoch the network's own steps take.

    python benchmarks/bench_epoch.py --root DIR                        RAVDESS: resnet18 and efficientnet_b0
    python benchmarks/bench_epoch.py --synthetic 12000 --backbones tf_efficientnet_b7 resnet50 --block 100

The second is for a GPU: bfloat16 and a resident store are what it gets by itself.

Efficiency = (time of the same number of optimizer steps of the same network on one log-mel batch that lies on the
device already) / (time of a training epoch: crops, augmentation, log-mel, loss, scores, logging). Validation is
outside. A bare step is forward, cross-entropy, backward, the clipping of gradients that the run asks for, and its
optimizer; without clipping is told beside it. After every --block steps of the epoch its clock stops for as many bare
steps of each kind, so that all meet the same other work on the machine; the first epoch does not count.
"""

from __future__ import annotations

import argparse
import copy
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytorch_lightning
import timm
import torch
from timm.optim._optim_factory import create_optimizer_v2
from torch import nn
from torch.nn import functional

from made_up import made_up_training
from measuring import finish, machine, print_table, ratios, spread
from training import Training, training


class BareSteps:
    """Forward, cross-entropy, backward and optimizer of a network, on one log-mel batch that lies on the device.

    Gradients are clipped to a norm of `clip`, unless it is None.
    """

    def __init__(
        self, run: Training, network: nn.Module, optimizer: torch.optim.Optimizer, *, clip: float | None
    ) -> None:
        self.device, self.low = run.trainer.strategy.root_device, run.trainer.precision == "bf16-mixed"
        self.network, self.optimizer, self.clip = network.train(), optimizer, clip
        image = torch.randn(run.module.batch_size, *run.task.frontend.image_shape(run.module.window))
        self.image = image.to(self.device, memory_format=torch.channels_last)
        self.target = torch.arange(len(image), device=self.device) % len(run.data.labels)

    def __call__(self, steps: int) -> float:
        """Seconds of so many steps, until the device is done with them."""
        finish(self.device)
        start = time.perf_counter()
        for _ in range(steps):
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.low):
                loss = functional.cross_entropy(self.network(self.image), self.target)
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            if self.clip:
                nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
            self.optimizer.step()
        finish(self.device)
        return time.perf_counter() - start


def rivals(run: Training, backbone: str) -> dict[str, BareSteps]:
    """The run's own steps with and without clipping, and timm's training benchmark: its network, SGD, no clipping."""
    device, clip = run.trainer.strategy.root_device, run.config["trainer"]["gradient_clip_val"]
    network = copy.deepcopy(run.task.network).to(device)
    optimizer = run.task.make_optimizer(network)
    channels = run.task.frontend.image_shape(run.module.window)[0]
    timms = timm.create_model(backbone, in_chans=channels, num_classes=len(run.data.labels))
    timms.to(device).to(memory_format=torch.channels_last)
    sgd = create_optimizer_v2(timms, opt="sgd", lr=1e-4)
    return {
        "bare": BareSteps(run, network, optimizer, clip=clip),
        "without clipping": BareSteps(run, network, optimizer, clip=None),
        "timm's loop": BareSteps(run, timms, sgd, clip=None),
    }


class InTurn(pytorch_lightning.Callback):
    """Times training epochs without their validation, stopped after every `block` steps for as many of each rival."""

    def __init__(self, rivals: Mapping[str, Callable[[int], float]], block: int) -> None:
        self.rivals, self.block = rivals, block
        self.epochs: list[float] = []
        self.steps: dict[str, list[float]] = {name: [] for name in rivals}
        self.resumed = 0.0

    def on_train_epoch_start(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        for taken in (self.epochs, *self.steps.values()):
            taken.append(0.0)
        self._resume(trainer)

    def on_train_batch_end(
        self,
        trainer: pytorch_lightning.Trainer,
        task: pytorch_lightning.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        done, num = batch_idx + 1, int(trainer.num_training_batches)
        if done < num and done % self.block == 0:
            self._pause(trainer)
            self._others(self.block)
            self._resume(trainer)

    def on_validation_epoch_start(
        self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule
    ) -> None:
        self._pause(trainer)
        num = int(trainer.num_training_batches)
        with torch.enable_grad():
            self._others(num - (num - 1) // self.block * self.block)

    def _others(self, steps: int) -> None:
        for name, rival in self.rivals.items():
            self.steps[name][-1] += rival(steps)

    def _pause(self, trainer: pytorch_lightning.Trainer) -> None:
        finish(trainer.strategy.root_device)
        self.epochs[-1] += time.perf_counter() - self.resumed

    def _resume(self, trainer: pytorch_lightning.Trainer) -> None:
        finish(trainer.strategy.root_device)
        self.resumed = time.perf_counter()


def made(arguments: argparse.Namespace, folder: Path, backbone: str) -> Training:
    """The run that is measured: on RAVDESS, or on made-up clips."""
    options = [f"model.backbone={backbone}", f"trainer.max_epochs={arguments.epochs + 1}"]
    options += ["trainer.early_stopping_patience=null", *arguments.set]
    if arguments.synthetic:
        return made_up_training(folder, arguments.synthetic, options)
    return training(["corpus=ravdess", f"corpus.root={arguments.root}", *options])


def measure(run: Training, backbone: str, block: int) -> list[str]:
    """A row of the table: the efficiency of one backbone, without checkpoints; its images a second over timm's loop."""
    turns = InTurn(rivals(run, backbone), block)
    run.trainer.callbacks = [turns]  # type: ignore[attr-defined]
    run.trainer.fit(run.task, datamodule=run.module)
    steps, epochs = int(run.trainer.num_training_batches), turns.epochs[1:]
    bare, unclipped, timms = (taken[1:] for taken in turns.steps.values())
    return [
        backbone,
        spread([taken / steps for taken in bare], 1000, 1),
        spread([taken / steps for taken in epochs], 1000, 1),
        spread(ratios(bare, epochs)),
        spread(ratios(unclipped, epochs)),
        spread([steps * run.module.batch_size / taken for taken in epochs], digits=0),
        spread(ratios(timms, epochs)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora/RAVDESS"))
    parser.add_argument("--synthetic", type=int, metavar="CLIPS", help="made-up clips of 3 s instead of RAVDESS")
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "efficientnet_b0"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--block", type=int, default=4, help="steps until the other is timed; 100 suits a GPU")
    parser.add_argument("--set", nargs="*", default=[], help="further overrides of train")
    arguments = parser.parse_args()
    if not arguments.synthetic and not arguments.root.is_dir():
        print(f"bench_epoch: no RAVDESS at {arguments.root}; give --root, or --synthetic 12000")
        return
    print(f"{machine('torch', 'pytorch-lightning', 'timm')}\n")
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            measure(made(arguments, Path(folder), backbone), backbone, arguments.block)
            for backbone in arguments.backbones
        ]
    head = ["network", "bare step, ms", "a step of the epoch, ms", "efficiency", "without clipping", "images/s"]
    head.append("images/s over timm's loop")
    print_table(head, rows)


if __name__ == "__main__":
    main()
