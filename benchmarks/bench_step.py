"""Where the time of a training step goes, and what precision, memory layout and compiling do to the network's part.

    python benchmarks/bench_step.py                                        resnet18 on RAVDESS's default settings
    python benchmarks/bench_step.py --backbone tf_efficientnet_b7 --compile default reduce-overhead --profile

The waves are made up; sizes, augmentation and optimizer are the defaults of `train` with --set. Each part waits for the
device, so that on a GPU the parts together are longer than a step, in which they overlap. --profile adds torch's own
table of the operations of ten whole steps.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from made_up import made_up_training
from measuring import finish, in_turn, machine, print_table, ratios, spread
from ser_lightning.counted import Key
from ser_lightning.frontend.frontend import to_float
from training import Training

Function = Callable[[], object]


class Step:
    """The parts of a training step of `run`, each on what the part before it gave."""

    def __init__(self, run: Training) -> None:
        self.run, self.device = run, run.trainer.strategy.root_device
        run.module.trainer = run.trainer
        run.module.setup("fit")
        run.task.to(self.device)
        run.module.augment.to(self.device)
        loader = run.module.train_dataloader()
        self.loader, self.request = loader, next(iter(loader.sampler))
        self.optimizer = run.task.make_optimizer(run.task.network.train())
        self.low = run.trainer.precision == "bf16-mixed"
        self.batch = run.module.transfer_batch_to_device(loader.windows[self.request], self.device, 0)
        self.wave = to_float(self.batch.wave)
        self.key = Key(0, 0, self.batch.facts.clip)
        self.log_mel = run.task.frontend.log_mel(self.wave, self.batch.facts.length)
        self.image = run.module.images(self.batch, training=False).image
        self.loss = self.forward()

    def forward(self) -> Tensor:
        """The loss of the batch."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.low):
            self.loss = functional.cross_entropy(self.run.task(self.image), self.batch.facts.target)
        return self.loss

    def network(self) -> None:
        """Forward and backward."""
        self.optimizer.zero_grad()
        torch.autograd.backward(self.forward())

    def whole(self) -> None:
        """All of it, once, as a training does it."""
        self.batch = self.run.module.transfer_batch_to_device(self.loader.windows[self.request], self.device, 0)
        self.image = self.run.module.images(self.batch, training=True).image
        self.network()
        self.clip()
        self.optimizer.step()

    def clip(self) -> None:
        """Gradients to a norm of 1."""
        torch.nn.utils.clip_grad_norm_(self.run.task.network.parameters(), 1.0)

    def parts(self) -> dict[str, Function]:
        """The functions by name, in their order."""
        module, frontend = self.run.module, self.run.task.frontend
        return {
            "gather from the memory map": lambda: self.loader.windows[self.request],
            "to the device, float": lambda: to_float(self.batch.wave),
            "shift, gain, noise": torch.no_grad()(lambda: module.augment.wave(self.wave, self.key)),
            "log-mel": torch.no_grad()(lambda: frontend.log_mel(self.wave, self.batch.facts.length)),
            "SpecAugment": torch.no_grad()(lambda: module.augment.spectrum(self.log_mel, self.key)),
            "forward and backward": self.network,
            "clip gradients": self.clip,
            "optimizer": self.optimizer.step,
            "the whole step": self.whole,
        }


def waiting(function: Function, device: torch.device) -> Function:
    """The function, and then the device."""

    def both() -> None:
        function()
        finish(device)

    return both


def part_rows(step: Step, turns: int) -> list[list[str]]:
    """Milliseconds of each part, and its share of the whole step."""
    taken = in_turn({name: waiting(part, step.device) for name, part in step.parts().items()}, turns)
    whole = taken["the whole step"]
    return [[name, spread(values, 1000, 2), spread(ratios(values, whole))] for name, values in taken.items()]


def network_rows(step: Step, modes: list[str], turns: int) -> list[list[str]]:
    """Forward and backward by precision, memory layout and compiling, over the choice that training makes."""
    task, image, target = step.run.task, step.image, step.batch.facts.target

    def variant(network: Callable[[Tensor], Tensor], *, low: bool, layout: torch.memory_format) -> Function:
        def steps() -> None:
            task.network.to(memory_format=layout)
            step.optimizer.zero_grad()
            with torch.autocast(step.device.type, dtype=torch.bfloat16, enabled=low):
                loss = functional.cross_entropy(network(image.contiguous(memory_format=layout)), target)
            torch.autograd.backward(loss)
            finish(step.device)

        return steps

    last, plain = torch.channels_last, torch.contiguous_format
    functions = {
        "float32": variant(task.network, low=False, layout=plain),
        "float32, channels last": variant(task.network, low=False, layout=last),
        "bfloat16": variant(task.network, low=True, layout=plain),
        "bfloat16, channels last": variant(task.network, low=True, layout=last),
    }
    for mode in modes:
        compiled = torch.compile(task.network, mode=mode, dynamic=False)
        functions[f"bfloat16, channels last, compiled ({mode})"] = variant(compiled, low=True, layout=last)
    taken = in_turn(functions, turns)
    chosen = taken["bfloat16, channels last"]
    return [[name, spread(values, 1000, 1), spread(ratios(values, chosen), digits=2)] for name, values in taken.items()]


def profile(step: Step) -> str:
    """Torch's table of the operations of ten steps, by their own time on the device."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    activities += [torch.profiler.ProfilerActivity.CUDA] if step.device.type == "cuda" else []
    with torch.profiler.profile(activities=activities) as made:
        for _ in range(10):
            step.whole()
        finish(step.device)
    key = "self_cuda_time_total" if step.device.type == "cuda" else "self_cpu_time_total"
    table: str = made.key_averages().table(sort_by=key, row_limit=20, max_name_column_width=50)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--turns", type=int, default=11)
    parser.add_argument("--compile", nargs="*", default=[], metavar="MODE")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], help="further overrides of train")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options = [f"model.backbone={arguments.backbone}", "data.resident=false", *arguments.set]
        step = Step(made_up_training(Path(folder), 1000, options))
        image = " x ".join(map(str, step.image.shape))
        print(f"{machine('torch', 'timm')}; {arguments.backbone}, images {image}, {step.run.trainer.precision}\n")
        print_table(["part of a step", "ms", "of the whole"], part_rows(step, arguments.turns))
        print()
        rows = network_rows(step, arguments.compile, arguments.turns)
        print_table(["forward and backward", "ms", "x bfloat16, channels last"], rows)
        if arguments.profile:
            print(f"\n{profile(step)}")


if __name__ == "__main__":
    main()
