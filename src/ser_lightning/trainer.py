"""The Lightning Trainer of a run: device, precision, length; `auto` takes what the machine does best."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytorch_lightning
import torch
from annotated_types import Ge, Gt
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import DDPStrategy, Strategy

from ser_lightning.callbacks import EpochLog
from ser_lightning.checkpoints import WholeFiles, checkpoint_callbacks, early_stopping_callback
from ser_lightning.compiling import CompiledSteps, CompileMode
from ser_lightning.precision import allow_tf32
from ser_lightning.processes import Started
from ser_lightning.progress_bar import LossBar
from ser_lightning.sharding import sharded_strategy
from ser_lightning.stopping import StopRequest
from ser_lightning.strategy import Accelerator, Count, Spread, SyncBatchNorm, choose_spread
from ser_lightning.strategy import Strategy as StrategyName

Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
ALWAYS: dict[str, Any] = {
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "log_every_n_steps": 1,
    "use_distributed_sampler": False,
}
"""What Lightning would do by itself otherwise."""


def make_trainer(
    run_dir: Path,
    loggers: Sequence[Logger],
    stop: StopRequest,
    place: Started | None,
    freezes: bool,
    *,
    accelerator: Accelerator = "auto",
    devices: Count = "auto",
    num_nodes: Count = "auto",
    strategy: StrategyName = "auto",
    sync_batchnorm: SyncBatchNorm = "auto",
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

    This process is one of those in `place`, where others started them; `freezes` says that parameters come in later.
    last.ckpt is written at the end of an epoch, when `stop` was asked for, and every `checkpoint_minutes` or
    `checkpoint_steps` optimizer steps. `tf32` lets a GPU round the factors of float32 products to ten bits in training;
    spectrograms and the passes that write predictions stay exact. `compile` is torch.compile's mode for the network's
    part of training steps; `reduce-overhead` and `max-autotune` replay them as CUDA graphs.
    """
    allow_tf32(allowed=tf32)
    saving = checkpoint_callbacks(run_dir / "checkpoints", stop, minutes=checkpoint_minutes, steps=checkpoint_steps)
    optional = optional_callbacks(patience=early_stopping_patience, compile_mode=compile)
    spread = choose_spread(
        place,
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        strategy=strategy,
        sync_batchnorm=sync_batchnorm,
    )
    return pytorch_lightning.Trainer(
        default_root_dir=run_dir,
        accelerator="cpu" if accelerator == "auto" and not spread.on_gpu else accelerator,
        devices=spread.devices,
        num_nodes=spread.num_nodes,
        strategy=make_strategy(spread, freezes=freezes),
        precision=choose_precision(on_gpu=spread.on_gpu) if precision == "auto" else precision,
        max_epochs=1 if debug else max_epochs,
        accumulate_grad_batches=accumulate_grad_batches,
        gradient_clip_val=gradient_clip_val,
        limit_train_batches=1 if debug else None,
        limit_val_batches=1 if debug else None,
        logger=list(loggers) or False,
        callbacks=[EpochLog(run_dir=run_dir), *saving, *optional],
        plugins=[WholeFiles()],
        enable_progress_bar=sys.stderr.isatty(),
        **ALWAYS,
    )


def optional_callbacks(*, patience: int | None, compile_mode: CompileMode | None) -> list[pytorch_lightning.Callback]:
    """Early stopping and compiled steps where they are asked for, a bar where somebody sees it."""
    callbacks: list[pytorch_lightning.Callback] = []
    if patience is not None:
        callbacks.append(early_stopping_callback(patience))
    if compile_mode is not None:
        callbacks.append(CompiledSteps(mode=compile_mode))
    if sys.stderr.isatty():
        callbacks.append(LossBar())
    return callbacks


def make_strategy(spread: Spread, *, freezes: bool) -> Strategy | Literal["auto"]:
    """DDP where there are several processes, or what divides the network among them.

    Batch statistics are not sent round at every step: each process normalises by its own, and before they are used in
    evaluation all processes get those of the first (`EmotionTask`). Where parameters are frozen for a while, DDP has to
    find out which were used.
    """
    if spread.num_processes == 1:
        return "auto"
    if spread.strategy == "fsdp":
        return sharded_strategy(spread.num_processes)
    return DDPStrategy(broadcast_buffers=False, find_unused_parameters=freezes)


def choose_precision(*, on_gpu: bool) -> Literal["32-true", "bf16-mixed"]:
    """bfloat16 autocast where the device has its instructions (2-4 times as fast on such a CPU), else float32."""
    if on_gpu:
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    return "bf16-mixed" if torch.cpu._is_avx512_bf16_supported() else "32-true"
