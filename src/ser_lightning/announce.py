"""What a run says in the terminal: what is trained on what, before it takes time; and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning
import rich.box
import rich.table

from ser_lightning.build import RunData
from ser_lightning.data.leaks import AUDIO, KINDS, Leaks
from ser_lightning.data.parts import PAIRS, PARTS
from ser_lightning.evaluation.summary import class_table, interval_note, parts_table, speakers_table
from ser_lightning.models.sync_batchnorm import has_batchnorm
from ser_lightning.strategy import Spread
from ser_lightning.task import EmotionTask
from ser_lightning.terminal import out, print_table


def leak_table(leaks: Leaks) -> rich.table.Table:
    """How many speakers, recordings, texts and takes each two parts share."""
    table = rich.table.Table(title="Leak check: shared between", title_justify="left", box=rich.box.SIMPLE_HEAD)
    table.add_column("")
    for a, b in PAIRS:
        table.add_column(f"{a} and {b}", justify="right")
    for kind, words in KINDS.items():
        alarming = kind in AUDIO and leaks.policy != "allow"
        cells = [leaks.shared[kind][f"{a}_{b}"] for a, b in PAIRS]
        table.add_row(words, *(f"[red]{count}[/red]" if alarming and count else f"{count}" for count in cells))
    return table


def introduce(
    data: RunData, task: EmotionTask, trainer: pytorch_lightning.Trainer, config: Mapping[str, Any], spread: Spread
) -> None:
    """Print the leak check, protocol, notes, class weights, the network, and what a step is where that is not plain."""
    print_table(out, leak_table(data.leaks))
    out.print(f"protocol: {data.protocol['sentence']}", markup=False)
    if data.leaks.torn and data.leaks.policy == "warn":
        out.print(f"[yellow]warning: {len(data.leaks.torn)} recordings lie in several parts, see leaks.json[/yellow]")
    for note in data.protocol["notes"]:
        out.print(f"note: {note}", markup=False)
    weights = zip(data.labels, task.loss.weight.tolist(), strict=True)
    out.print("class weights: " + ", ".join(f"{label} {weight:.3g}" for label, weight in weights))
    size = sum(parameter.numel() for parameter in task.network.parameters()) / 1e6
    device = trainer.strategy.root_device.type
    out.print(
        f"{config['model']['backbone']}: {size:.1f} M parameters, on {device} in {trainer.precision}, "
        f"{trainer.max_epochs} epochs"
    )
    accumulate = config["trainer"]["accumulate_grad_batches"]
    if spread.num_processes * accumulate > 1:
        lr = config["optimizer"].get("lr")
        out.print(effective_batch(spread.num_processes, config["data"]["batch_size"], accumulate, lr), markup=False)
    if spread.num_processes > 1 and not spread.sync_batchnorm and has_batchnorm(task.network):
        out.print(
            "batch-norm: each process normalises by its own share of a batch"
            + ("" if spread.on_gpu else ", as torch synchronises on GPUs only")
            + "; evaluation uses the first one's running statistics"
        )


def effective_batch(num_processes: int, batch_size: int, accumulate: int, lr: float | None) -> str:
    """How many clips an optimizer step sees, and the rate that linear scaling would take (Goyal et al. 2017).

    >>> effective_batch(2, 16, 1, 1e-3).split("; ")[0]
    'effective batch: 2 processes x 16 clips x 1 step = 32'
    >>> effective_batch(2, 16, 1, 1e-3).split("; ")[1]
    'learning rate 0.001 as given (in proportion to the batch, from 16, it would be optimizer.lr=0.002)'
    """
    processes = "1 process" if num_processes == 1 else f"{num_processes} processes"
    steps = "1 step" if accumulate == 1 else f"{accumulate} steps"
    factor = num_processes * accumulate
    line = f"effective batch: {processes} x {batch_size} clips x {steps} = {factor * batch_size}"
    if lr is None:
        return line
    scaled = f"{factor * lr:.3g}"
    return (
        f"{line}; learning rate {lr:.3g} as given (in proportion to the batch, from {batch_size}, it would be "
        f"optimizer.lr={scaled})"
    )


def conclude(metrics: Mapping[str, Any], run_dir: Path, report: Path) -> None:
    """Print the class table, the scores with their intervals, their protocol, and where everything is."""
    out.print()
    print_table(out, class_table(metrics["test"], "Test, by class"))
    out.print()
    print_table(out, parts_table({part: metrics[part] for part in PARTS if part in metrics}))
    out.print(interval_note(metrics["test"]), markup=False)
    if by_speaker := speakers_table(metrics["test"]):
        out.print()
        print_table(out, by_speaker)
        out.print()
    out.print(calibration_line(metrics["calibration"]["temperature"]))
    out.print()
    out.print(f"protocol: {metrics['protocol']['sentence']}", markup=False)
    out.print(f"run:    {run_dir}\nreport: {report}", markup=False)


def calibration_line(temperature: float) -> str:
    """What was done to the probabilities.

    >>> calibration_line(1.48)
    'temperature 1.48: the probabilities are calibrated on the val part of training'
    """
    if temperature == 1.0:
        return "temperature 1: the probabilities are as the model gives them"
    return f"temperature {temperature:.2f}: the probabilities are calibrated on the val part of training"
