"""What a trained run leaves: the best checkpoint, calibrated, its predictions of every part, and their scores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from ser_lightning.build import RunData
from ser_lightning.data.module import SpeechData
from ser_lightning.data.parts import PARTS
from ser_lightning.data.targets import are_soft
from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.calibration import calibrated, fit_temperature
from ser_lightning.evaluation.predictions import predictions_table, write_predictions
from ser_lightning.files import atomic_path, write_text
from ser_lightning.inference import predict_rows
from ser_lightning.models.network import EmotionNetwork


class Predictions(NamedTuple):
    """The predictions table of each part, calibrated by `temperature`."""

    tables: dict[str, pl.DataFrame]
    temperature: float


Found = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]
"""Rows of the table, and the probabilities of each."""


def predict_parts(
    network: EmotionNetwork, module: SpeechData, run_dir: Path, *, num_classes: int, device: torch.device, debug: bool
) -> dict[str, Found]:
    """What the best checkpoint, loaded into `network`, says of each part; with `debug`, of a batch of clips a part.

    The processes of a run share the batches, and all of them must call this.
    """
    best = torch.load(run_dir / "checkpoints" / "best.ckpt", map_location="cpu", weights_only=True)
    prefix = "network."
    state = {name.removeprefix(prefix): value for name, value in best["state_dict"].items() if name.startswith(prefix)}
    network.load_state_dict(state)
    found: dict[str, Found] = {}
    for part in PARTS:
        rows = module.rows(part)[: module.batch_size if debug else None]
        clip, probabilities = predict_rows(network, module, rows, num_classes=num_classes, device=device)
        found[part] = clip.numpy(), probabilities.numpy()
    return found


def calibrate(found: Mapping[str, Found], data: RunData, run_dir: Path) -> Predictions:
    """The predictions of each part, calibrated and written to predictions/.

    The temperature is fitted on the val part and stored in the best checkpoint.
    """
    path = run_dir / "checkpoints" / "best.ckpt"
    best = torch.load(path, map_location="cpu", weights_only=True)
    at, probabilities_of_val = found["val"]
    temperature = fit_temperature(probabilities_of_val, data.targets[at])
    best["recognizer"]["temperature"] = temperature
    with atomic_path(path) as temporary:
        torch.save(best, temporary)
    soft = data.targets if are_soft(data.targets) else None
    tables = {
        part: predictions_table(
            data.table[at], calibrated(p, temperature), data.labels, None if soft is None else soft[at]
        )
        for part, (at, p) in found.items()
    }
    for name, table in tables.items():
        write_predictions(run_dir / "predictions" / f"{name}.csv", table)
    return Predictions(tables, temperature)


def write_metrics(predictions: Predictions, data: RunData, run_dir: Path) -> dict[str, Any]:
    """Write metrics.json; its contents."""
    metrics = assess(predictions.tables, data.labels, protocol=data.protocol, temperature=predictions.temperature)
    write_text(run_dir / "metrics.json", json.dumps(metrics, indent=1) + "\n")
    return metrics
