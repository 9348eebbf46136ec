"""The Lightning Trainer of a run: device, precision, length; `auto` takes what the machine does best."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pytorch_lightning
import torch
from annotated_types import Ge, Gt
from pytorch_lightning.loggers import Logger

from ser_lightning.callbacks import EpochLog
from ser_lightning.checkpoints import WholeFiles, checkpoint_callbacks, early_stopping_callback
from ser_lightning.compiling import CompiledSteps, CompileMode
from ser_lightning.precision import allow_tf32
from ser_lightning.progress_bar import LossBar
from ser_lightning.stopping import StopRequest

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]


def make_trainer(
    run_dir: Path,
    loggers: Sequence[Logger],
    stop: StopRequest,
    *,
    accelerator: Literal["auto", "cpu", "gpu"] = "auto",
    devices: Annotated[int, Gt(0)] | Literal["auto"] = "auto",
    strategy: Literal["auto", "ddp"] = "auto",
    precision: Precision = "auto",
    max_epochs: Annotated[int, Gt(0)] = 30,
    early_stopping_patience: Annotated[int, Gt(0)] | None = None,
    accumulate_grad_batches: Annotated[int, Gt(0)] = 1,
    gradient_clip_val: Annotated[float, Ge(0)] | None = 1.0,
    tf32: bool = True,
    checkpoint_minutes: Annotated[float, Gt(0)] | None = 10.0,
    checkpoint_steps: Annotated[int, Gt(0)] | None = None,
    compile: CompileMode | None = None,  # noqa: A002 (the key is called as torch calls it)
    debug: bool = False,
) -> pytorch_lightning.Trainer:
    """A trainer that logs and keeps checkpoints in `run_dir`; `debug` is one epoch with one batch a part.

    last.ckpt is written at the end of an epoch, when `stop` was asked for, and besides every `checkpoint_minutes` or
    `checkpoint_steps` optimizer steps.

    `tf32` lets a GPU round the factors of float32 products to ten bits in training; spectrograms and the passes that
    write predictions are exact all the same. `compile` is torch.compile's mode for the network's part of training
    steps; `reduce-overhead` and `max-autotune` replay them as CUDA graphs.
    """
    allow_tf32(allowed=tf32)
    callbacks: list[pytorch_lightning.Callback] = [
        EpochLog(run_dir=run_dir),
        *checkpoint_callbacks(run_dir / "checkpoints", stop, minutes=checkpoint_minutes, steps=checkpoint_steps),
    ]
    if early_stopping_patience is not None:
        callbacks.append(early_stopping_callback(early_stopping_patience))
    if compile is not None:
        callbacks.append(CompiledSteps(mode=compile))
    if sys.stderr.isatty():
        callbacks.append(LossBar())
    on_gpu = accelerator != "cpu" and torch.cuda.is_available()
    return pytorch_lightning.Trainer(
        default_root_dir=run_dir,
        accelerator="cpu" if accelerator == "auto" and not on_gpu else accelerator,
        devices=1 if devices == "auto" and not on_gpu else devices,
        strategy=strategy,
        precision=choose_precision(on_gpu=on_gpu) if precision == "auto" else precision,
        max_epochs=1 if debug else max_epochs,
        accumulate_grad_batches=accumulate_grad_batches,
        gradient_clip_val=gradient_clip_val,
        limit_train_batches=1 if debug else None,
        limit_val_batches=1 if debug else None,
        logger=list(loggers) or False,
        callbacks=callbacks,
        plugins=[WholeFiles()],
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        use_distributed_sampler=False,
    )


def choose_precision(*, on_gpu: bool) -> Literal["32-true", "bf16-mixed"]:
    """bfloat16 autocast where the device has its instructions (2-4 times as fast on such a CPU), else float32."""
    if on_gpu:
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() else "32-true"
