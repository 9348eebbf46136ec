"""`train`, which ends by SIGKILL at a moment: the n-th call of something, or after some seconds wherever it then is.

    python benchmarks/killed_run.py checkpoint 2 +experiment=demo hydra.run.dir=DIR

`benchmarks/kill_and_resume.py` starts it. A kill by SIGKILL leaves no code a chance, so a kill at a call is what one
from outside in that instant would be; at `checkpoint` half of the file is written.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ser_lightning import results, run
from ser_lightning.cli import run_command
from ser_lightning.data.unfinished import Unfinished
from ser_lightning.task import EmotionTask
from ser_lightning.train import train

Function = Callable[..., Any]


def kill() -> None:
    """End this process as nothing can prevent."""
    os.kill(os.getpid(), signal.SIGKILL)


def killing(function: Function, number: int, *, before: Function = lambda *_, **__: None) -> Function:
    """The same function, but its `number`-th call ends the process, when `before` was given the arguments."""
    calls = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            before(*args, **kwargs)
            kill()
        return function(*args, **kwargs)

    return counted


def half_written(checkpoint: object, path: Path) -> None:
    """Write the first half of a checkpoint."""
    whole = io.BytesIO()
    SAVE(checkpoint, whole)
    Path(path).write_bytes(whole.getvalue()[: whole.tell() // 2])


SAVE = torch.save
PLACES: dict[str, tuple[object, str]] = {
    "prepare": (Unfinished, "append"),
    "step": (EmotionTask, "training_step"),
    "validation": (EmotionTask, "validation_step"),
    "test": (results, "predict_rows"),
    "metrics": (run, "write_metrics"),
    "report": (run, "write_report"),
}
"""What is called while a stage of a run lasts."""


def main() -> None:
    """Plant the kill, and train."""
    moment, number, *overrides = sys.argv[1:]
    if moment == "seconds":
        threading.Timer(float(number), kill).start()
    elif moment == "checkpoint":
        torch.save = killing(SAVE, int(number), before=half_written)
    else:
        owner, name = PLACES[moment]
        setattr(owner, name, killing(getattr(owner, name), int(number)))
    sys.argv = ["ser_lightning.train", *overrides]
    run_command(train, "train")


if __name__ == "__main__":
    main()
