"""What a trained run leaves: the best checkpoint's predictions of every part, their scores, and the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import torch

from ser_lightning.build import RunData
from ser_lightning.data.module import SpeechData
from ser_lightning.data.parts import PARTS
from ser_lightning.data.store import TAIL_SECONDS
from ser_lightning.data.targets import are_soft
from ser_lightning.evaluation.examples import Example, choose_examples
from ser_lightning.evaluation.predictions import predictions_table, table_scores, write_predictions
from ser_lightning.evaluation.report import write_report
from ser_lightning.files import write_text
from ser_lightning.frontend.frontend import to_float
from ser_lightning.inference import predict_rows
from ser_lightning.metrics import Scores
from ser_lightning.task import EmotionTask


def predict_parts(
    task: EmotionTask, module: SpeechData, data: RunData, run_dir: Path, *, device: torch.device, one_batch: bool
) -> dict[str, pl.DataFrame]:
    """Predictions of the best checkpoint, written to predictions/; with `one_batch`, of so many clips a part."""
    best = torch.load(run_dir / "checkpoints" / "best.ckpt", map_location="cpu", weights_only=True)
    task.load_state_dict(best["state_dict"])
    tables: dict[str, pl.DataFrame] = {}
    soft = data.targets if are_soft(data.targets) else None
    for part in PARTS:
        rows = module.rows(part)[: module.batch_size if one_batch else None]
        clip, probabilities = predict_rows(task.network, module, rows, num_classes=len(data.labels), device=device)
        at = clip.numpy()
        shares = None if soft is None else soft[at]
        tables[part] = predictions_table(data.table[at], probabilities.numpy(), data.labels, shares)
        write_predictions(run_dir / "predictions" / f"{part}.csv", tables[part])
    return tables


def write_results(
    tables: Mapping[str, pl.DataFrame], data: RunData, module: SpeechData, run_dir: Path
) -> tuple[dict[str, Scores], Path]:
    """Write metrics.json and the report; the scores of each part, and the page."""
    scores = {part: table_scores(table, data.labels) for part, table in tables.items()}
    metrics = {"protocol": data.protocol, "labels": list(data.labels), **scores}
    write_text(run_dir / "metrics.json", json.dumps(metrics, indent=1) + "\n")
    return scores, write_report(run_dir, examples=build_examples(module, data, tables["test"]))


def build_examples(module: SpeechData, data: RunData, predictions: pl.DataFrame) -> list[Example]:
    """A few right and wrong clips with their audio and log-mel, for the report."""
    rows = {clip: row for row, clip in enumerate(data.table["clip"])}
    said = {row["clip"]: row for row in predictions.iter_rows(named=True)}
    frontend = module.frontend.cpu()
    examples = []
    for clip in choose_examples(predictions):
        first, length = int(module.layout.offset[rows[clip]]), int(module.layout.length[rows[clip]])
        wave = np.array(data.clips.store.samples[first : first + min(length, TAIL_SECONDS * data.clips.store.rate)])
        heard = np.pad(wave, (0, max(0, frontend.mel.n_fft - len(wave))))  # a transform needs half its length
        log_mel = frontend.decibels(to_float(torch.from_numpy(heard)[None]))[0].numpy()
        label, guess = said[clip]["label"], said[clip]["prediction"]
        probability = said[clip][f"p_{guess}"]
        examples.append(Example(clip, label, guess, probability, wave, data.clips.store.rate, log_mel))
    return examples
