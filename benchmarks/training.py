"""A training run of ours for benchmarks: composed like the command, built, and not yet started."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning
from hydra import compose, initialize_config_dir

from ser_lightning.build import RunData, build_data, build_training, check
from ser_lightning.cli import conf_dir
from ser_lightning.config import TrainSettings, plain
from ser_lightning.data.module import SpeechData
from ser_lightning.run import quieten
from ser_lightning.task import EmotionTask


class Training(NamedTuple):
    """What `train` would start."""

    config: dict[str, Any]
    data: RunData
    task: EmotionTask
    module: SpeechData
    trainer: pytorch_lightning.Trainer


def composed(overrides: Sequence[str]) -> dict[str, Any]:
    """The checked config of `train` with these overrides."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = plain(compose("train", list(overrides)))
    check(config, TrainSettings)
    return config


def training(overrides: Sequence[str], *, data: RunData | None = None) -> Training:
    """A run with these overrides, its folder a temporary one; `data` of another run is used again."""
    quieten()
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    config = composed(overrides)
    data = data or build_data(config)
    task, module, trainer, _ = build_training(config, data, Path(tempfile.mkdtemp(prefix="ser_bench_")))
    return Training(config, data, task, module, trainer)
