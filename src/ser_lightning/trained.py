"""What a trained run predicts of clips in a store, in the very batches that its training would ask for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import torch
import yaml
from jaxtyping import Float, Float32

from ser_lightning.augment.pipeline import Augment
from ser_lightning.data.module import SpeechData
from ser_lightning.data.store import Store
from ser_lightning.errors import UserError
from ser_lightning.evaluation.calibration import calibrated
from ser_lightning.inference import predict_rows
from ser_lightning.meta.stack_file import Kind
from ser_lightning.recognition.checkpoint import Trained, load_trained, read_checkpoint
from ser_lightning.run_names import CHECKPOINT, STACK_FILE


def kind_of(run_dir: Path) -> Kind:
    """The classes and the rate of a run's model, without reading its weights; raises UserError as `load_trained`."""
    about, _ = read_checkpoint(run_dir / CHECKPOINT, lazily=True)
    return Kind(tuple(about.labels), about.sample_rate)


def predict_run(
    run_dir: Path, table: pl.DataFrame, store: Store, *, device: torch.device, batch_size: int | None
) -> Float32[np.ndarray, "clip class"]:
    """The calibrated probabilities of each row of `table` (columns clip, offset, length), in its order.

    `batch_size` counts windows; without one it is that of each training. A stack asks its members. Raises UserError
    as `load_trained` does.
    """
    if is_stack(run_dir):
        from ser_lightning.stacked import predict_stack

        ask = partial(predict_run, device=device, batch_size=batch_size)
        stacked: Float32[np.ndarray, "clip class"] = predict_stack(run_dir, table, store, predict=ask, kind_of=kind_of)
        return stacked
    num_windows = batch_size or training_batch_size(run_dir)
    made = predict_trained(load_trained(run_dir), table, store, device=device, batch_size=num_windows)
    return made.astype(np.float32)


def predict_trained(
    trained: Trained, table: pl.DataFrame, store: Store, *, device: torch.device, batch_size: int
) -> Float[np.ndarray, "clip class"]:
    """The calibrated probabilities of each row of `table`, as in the pass that ends a training, in float64.

    Raises UserError where the store has another rate than the model.
    """
    if store.rate != trained.sample_rate:
        raise UserError(f"the model was trained at {trained.sample_rate} Hz, the audio is prepared at {store.rate} Hz")
    num_classes = len(trained.labels)
    data = SpeechData(
        table.with_columns(part=pl.lit("test")),
        store,
        np.zeros((len(table), num_classes), dtype=np.float32),
        trained.frontend,
        Augment(),
        seed=0,
        batch_size=batch_size,
        window_seconds=trained.window_seconds,
        resident=False,
    )
    rows, probabilities = predict_rows(
        trained.network, data, np.arange(len(table)), num_classes=num_classes, device=device
    )
    assert len(rows) == len(table), "every clip has a window"
    return calibrated(probabilities.numpy(), trained.temperature)


def is_stack(run_dir: Path) -> bool:
    """Whether a run directory holds several models under a meta-learner."""
    return (run_dir / STACK_FILE).exists()


def training_batch_size(run_dir: Path) -> int:
    """How many windows at a time made the run's predictions: the same number gives the same to the last digit.

    Raises UserError where the run's config does not say it.
    """
    path = run_dir / "config.yaml"
    try:
        return int(yaml.safe_load(path.read_text(encoding="utf-8"))["data"]["batch_size"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} does not say data.batch_size; give batch_size=, such as batch_size=32") from error
