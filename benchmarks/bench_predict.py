"""The pass that writes predictions (float32, every window of every clip) over the network's own forward passes.

    python benchmarks/bench_predict.py --root DIR

Both are timed in turn over RAVDESS's validation and test parts: the pass with gather, log-mel and averaging by clip,
and as many forward passes on one log-mel batch that lies on the device already.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import numpy as np
import torch

from measuring import finish, in_turn, machine, print_table, ratios, spread
from ser_lightning.inference import predict_rows
from training import training


def measure(backbone: str, overrides: list[str], turns: int) -> list[str]:
    """A row of the table: one backbone, untrained."""
    run = training([*overrides, f"model.backbone={backbone}"])
    device, num_classes = run.trainer.strategy.root_device, len(run.data.labels)
    run.module.trainer = run.trainer
    run.module.setup("fit")
    rows = np.concatenate([run.module.rows("val"), run.module.rows("test")])
    num_batches = len(run.module.evaluation_loader(rows))
    network = run.task.network.to(device).eval()
    image = torch.randn(run.module.batch_size, *run.task.frontend.image_shape(run.module.window), device=device)
    image = image.contiguous(memory_format=torch.channels_last)

    def whole() -> None:
        predict_rows(network, run.module, rows, num_classes=num_classes, device=device)

    @torch.inference_mode()
    def bare() -> None:
        for _ in range(num_batches):
            network(image)
        finish(device)

    taken = in_turn({"whole": whole, "bare": bare}, turns)
    rate = len(rows) / statistics.median(taken["whole"])
    efficiency = spread(ratios(taken["bare"], taken["whole"]))
    return [backbone, str(len(rows)), f"{rate:.0f}", spread(taken["whole"], digits=2), efficiency]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora/RAVDESS"))
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "efficientnet_b0"])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--set", nargs="*", default=[], help="further overrides of train")
    arguments = parser.parse_args()
    if not arguments.root.is_dir():
        print(f"bench_predict: no RAVDESS at {arguments.root}; give --root")
        return
    overrides = ["corpus=ravdess", f"corpus.root={arguments.root}", *arguments.set]
    rows = [measure(backbone, overrides, arguments.turns) for backbone in arguments.backbones]
    print(f"{machine('torch', 'timm')}\n")
    print_table(["network", "clips", "clips/s", "the pass, s", "forward passes / the pass"], rows)


if __name__ == "__main__":
    main()
