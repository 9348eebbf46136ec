"""From the store to a batch on the device: three-second windows per second, from the memory map and resident.

    python benchmarks/bench_input.py

The store is made up: 4,000 clips of 3 s at 16 kHz (384 MB) in the page cache. One thread gathers; on a GPU the batch is
there when it counts. With augmentation and log-mel the row says what a training step gets.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from made_up import made_up_training
from measuring import finish, in_turn, machine, print_table, spread
from ser_lightning.data.module import SpeechData


def epoch(module: SpeechData, device: torch.device, *, images: bool) -> Callable[[], None]:
    """A function that fetches all windows of an epoch to the device, and makes augmented images of them."""
    loader = module.train_dataloader()

    def fetch() -> None:
        for batch in loader:
            there = module.transfer_batch_to_device(batch, device, 0)
            if images:
                module.images(there, training=True)
        finish(device)

    return fetch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    functions: dict[str, Callable[[], None]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for resident in ("false", "true"):
            options = [f"data.resident={resident}", f"data.batch_size={arguments.batch_size}"]
            run = made_up_training(Path(folder), arguments.clips, options)
            device = run.trainer.strategy.root_device
            place = "resident" if resident == "true" else "memory map"
            run.module.trainer = run.trainer
            run.module.setup("fit")
            functions[f"{place}: windows on the device"] = epoch(run.module, device, images=False)
            functions[f"{place}: augmented log-mel"] = epoch(run.module, device, images=True)
        print(f"{machine('torch')}; device {device}, batches of {arguments.batch_size}\n")
        torch.set_num_threads(1)
        taken = in_turn(functions, arguments.turns)
    num = len(run.module.train_dataloader()) * arguments.batch_size
    rows = [
        [name, f"{num / statistics.median(values):.0f}", spread([1e6 * value / num for value in values], digits=1)]
        for name, values in taken.items()
    ]
    print_table(["input, one thread", "clips/s", "µs / clip"], rows)


if __name__ == "__main__":
    main()
