"""What a run writes while it trains: one row an epoch to log.csv, wall times to timing.csv."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch

from ser_lightning.files import atomic_path
from ser_lightning.step_clock import StepClock
from ser_lightning.task import MONITOR


class EpochLog(pytorch_lightning.Callback):
    """One row an epoch, counted from 1, in log.csv, which is deterministic; seconds in timing.csv; a printed line.

    Beside the seconds stands what share of the training steps was input (see `StepClock`). Of an epoch that was broken
    off, the times are those since the run goes on.
    """

    def __init__(self, *, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.rows: list[dict[str, float]] = []
        self.times: list[dict[str, float]] = []
        self.started = 0.0
        self.trained = 0.0
        self.clock = StepClock(torch.device("cpu"))

    def on_fit_start(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        """Time steps on the device that they run on."""
        self.clock = StepClock(trainer.strategy.root_device)

    def state_dict(self) -> dict[str, Any]:
        """All rows so far."""
        return {"rows": self.rows, "times": self.times}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on after these rows."""
        self.rows, self.times = state_dict["rows"], state_dict["times"]

    def on_train_start(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        """Start the clocks, as an epoch that goes on in its middle has no start."""
        self.on_train_epoch_start(trainer, task)

    def on_train_epoch_start(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        """Start the clocks."""
        self.started = time.perf_counter()
        self.clock.start()

    def on_train_batch_start(
        self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule, batch: object, batch_idx: int
    ) -> None:
        """A batch is ready."""
        self.clock.tick()

    def on_train_batch_end(
        self,
        trainer: pytorch_lightning.Trainer,
        task: pytorch_lightning.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Its step is done."""
        self.clock.tick()

    def on_validation_epoch_start(
        self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule
    ) -> None:
        """Note when training gave way to validation."""
        self.trained = time.perf_counter()

    def on_train_epoch_end(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        """Write both files anew and print the line; every process reads the metrics, as that pools them."""
        logged = trainer.callback_metrics.items()
        values = {name: float(value) for name, value in logged if name.startswith(("train_", "val_"))}
        epoch, lr = trainer.current_epoch + 1, max(group["lr"] for group in trainer.optimizers[0].param_groups)
        input_share = self.clock.input_share()
        task.log_dict({"lr": lr, "input_share": input_share})
        train_seconds, val_seconds = self.trained - self.started, time.perf_counter() - self.trained
        self.rows.append({"epoch": epoch, **values, "lr": lr})
        self.times.append(
            {"epoch": epoch, "train_seconds": train_seconds, "val_seconds": val_seconds, "input_share": input_share}
        )
        if trainer.is_global_zero:
            write_rows(self.run_dir / "log.csv", self.rows)
            write_rows(self.run_dir / "timing.csv", self.times)
            best = " *" if values[MONITOR] == max(row[MONITOR] for row in self.rows) else "  "
            print(  # the progress bar moves aside for a plain print, not for another console
                f"epoch {epoch:>3}/{trainer.max_epochs}  loss {values['train_loss']:.3f}  "
                f"val loss {values['val_loss']:.3f}  val balanced accuracy {values[MONITOR]:.3f}{best} "
                f"{train_seconds + val_seconds:.1f} s ({input_share:.0%} input)",
                flush=True,
            )


def write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    """Write rows as CSV under all their columns, in one rename."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
