"""What last.ckpt costs: its size, and the time to write it and to go on from it, for some backbones.

    python benchmarks/bench_checkpoint.py
    python benchmarks/bench_checkpoint.py --backbones tf_efficientnet_b7 --every 2

The waves are made up, and an epoch of a few steps is trained before, so that the optimizer has its state. The share is
that of a run that writes one every --every minutes (`trainer.checkpoint_minutes`).
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

import torch

from made_up import made_up_training
from measuring import in_turn, machine, print_table, spread


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "efficientnet_b0", "resnet50"])
    parser.add_argument("--every", type=float, default=10, help="minutes")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    rows = []
    for backbone in arguments.backbones:
        with tempfile.TemporaryDirectory() as folder:
            overrides = [f"model.backbone={backbone}", "data.batch_size=8", "trainer.max_epochs=1"]
            run = made_up_training(Path(folder), 40, overrides)
            run.trainer.fit(run.task, datamodule=run.module)
            path = Path(folder) / "last.ckpt"
            took = in_turn(
                {
                    "write": partial(run.trainer.save_checkpoint, path),
                    "read": partial(torch.load, path, map_location="cpu", weights_only=True),
                },
                turns=arguments.repeats,
            )
            share = max(took["write"]) / (60 * arguments.every)
            rows.append(
                [
                    backbone,
                    f"{path.stat().st_size / 1e6:.0f}",
                    spread(took["write"]),
                    spread(took["read"]),
                    f"{share:.2%}",
                ]
            )
    print(f"{machine('torch', 'pytorch-lightning', 'timm')}\n")
    print_table(["backbone", "MB", "write, s", "read, s", f"longest write, of {arguments.every:g} minutes"], rows)


if __name__ == "__main__":
    main()
