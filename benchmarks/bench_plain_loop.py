"""A whole epoch, validation included, against the plain loop that a user writes (benchmarks/plain_loop.py).

    python benchmarks/bench_plain_loop.py --root DIR

The same network, clips, batch size and parts of RAVDESS. Both train in turn, two epochs at a time, of which the second
counts: then workers run and files are in the page cache. The plain loop has no augmentation, and Lightning's default
precision, float32; a second row gives it bfloat16, which ours chooses by itself where the processor has it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pytorch_lightning

from measuring import machine, print_table, ratios, spread
from plain_loop import PlainModule, plain_loaders
from training import Training, training


class LastEpoch(pytorch_lightning.Callback):
    """Times each epoch with its validation; `seconds` are the last one's."""

    def __init__(self) -> None:
        self.started = self.seconds = 0.0

    def on_train_epoch_start(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        self.seconds = time.perf_counter() - self.started


def ours(overrides: list[str], first: Training) -> float:
    """Seconds of an epoch of ours, checkpoints and all."""
    run, last = training(overrides, data=first.data), LastEpoch()
    run.trainer.callbacks.append(last)  # type: ignore[attr-defined]
    run.trainer.fit(run.task, datamodule=run.module)
    return last.seconds


def plain(first: Training, backbone: str, precision: str) -> float:
    """Seconds of an epoch of the plain loop on the same clips."""
    table, labels = first.data.table, list(first.data.labels)
    parts = {part: table.filter(table["part"] == part) for part in ("train", "val")}
    train, val = ((rows["path"].to_list(), [labels.index(name) for name in rows["label"]]) for rows in parts.values())
    loaders, last = plain_loaders(train, val, batch_size=first.module.batch_size), LastEpoch()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pytorch_lightning.Trainer(
            max_epochs=2,
            precision=precision,  # type: ignore[arg-type]
            default_root_dir=folder,
            callbacks=[last],
            logger=pytorch_lightning.loggers.CSVLogger(folder),
            enable_model_summary=False,
            enable_progress_bar=False,
        )
        trainer.fit(PlainModule(backbone, len(labels)), *loaders)
    return last.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora/RAVDESS"))
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    if not arguments.root.is_dir():
        print(f"bench_plain_loop: no RAVDESS at {arguments.root}; give --root")
        return
    overrides = ["corpus=ravdess", f"corpus.root={arguments.root}", f"model.backbone={arguments.backbone}"]
    overrides += ["trainer.max_epochs=2", "trainer.early_stopping_patience=null"]
    first = training(overrides)
    taken: dict[str, list[float]] = {"ours": [], "plain loop, float32": [], "plain loop, bfloat16": []}
    for _ in range(arguments.turns):
        taken["ours"].append(ours(overrides, first))
        taken["plain loop, float32"].append(plain(first, arguments.backbone, "32-true"))
        taken["plain loop, bfloat16"].append(plain(first, arguments.backbone, "bf16-mixed"))
    print(f"\n{machine('torch', 'pytorch-lightning', 'librosa')}; {arguments.backbone}\n")
    rows = [
        [name, spread(values, digits=2), spread(ratios(taken["ours"], values), digits=2)]
        for name, values in taken.items()
    ]
    print_table(["an epoch with validation", "seconds", "ours / this"], rows)


if __name__ == "__main__":
    main()
