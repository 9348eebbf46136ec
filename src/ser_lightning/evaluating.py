"""The work of `evaluate`: a finished run, its model's predictions of some clips, and their scores in a new directory.

Everything is read, checked and predicted before anything is written, and nothing is ever written into the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
import yaml
from jaxtyping import Float
from torch import nn

from ser_lightning.announce import conclude
from ser_lightning.build import Config, check
from ser_lightning.config import EvaluateSettings
from ser_lightning.data.leaks import leaks_file
from ser_lightning.data.parts import PARTS, Part
from ser_lightning.data.store import Store
from ser_lightning.data.targets import are_soft
from ser_lightning.errors import UserError
from ser_lightning.evaluated_data import EvaluatedData, among, other_data, own_data
from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.examples import Example
from ser_lightning.evaluation.predictions import predictions_table, write_predictions
from ser_lightning.evaluation.report import write_report
from ser_lightning.evaluation.runs import FinishedRun, read_finished
from ser_lightning.files import write_text
from ser_lightning.illustration import build_examples
from ser_lightning.memory import told_if_out_of_memory
from ser_lightning.meta.stack_file import read_stack
from ser_lightning.models.network import EmotionNetwork
from ser_lightning.recognition.checkpoint import Trained, load_trained
from ser_lightning.recognition.device import choose_device
from ser_lightning.run_files import environment, write_csv
from ser_lightning.terminal import out
from ser_lightning.trained import is_stack, predict_run, predict_trained, training_batch_size

NEEDED = ("label_set", "sample_rate", "on_bad_audio", "seed")
"""The keys of a run's config that evaluation reads."""
Predict = Callable[[pl.DataFrame, Store], Float[np.ndarray, "clip class"]]


class Model(NamedTuple):
    """What predicts: `predict` gives the calibrated probabilities of rows; `trained` is None where it is a stack."""

    predict: Predict
    trained: Trained | None
    device: torch.device


def evaluate_run(config: Config, run_dir: Path) -> None:
    """Evaluate as configured and leave everything in `run_dir`; raises UserError."""
    check(config, EvaluateSettings)
    if (run_dir / "metrics.json").exists():
        raise UserError(
            f"{run_dir} holds a finished run, which is not overwritten; choose another hydra.run.dir=, or of several "
            "runs another hydra.sweep.dir="
        )
    if "split" in config and "corpus" not in config:
        raise UserError(
            "split= cuts a corpus that is named by corpus=; without one the run's own parts are scored again, as they "
            "were; give corpus=NAME, or leave split= out"
        )
    run = _read(Path(config["run"]).expanduser())
    model = load_model(run, config)
    data = other_data(run, config) if "corpus" in config else own_data(run, config)
    _introduce(run, data, model.device)
    # What a stack's meta-learner was fitted on is no part to score it on.
    parts = PARTS if model.trained else ("test",)
    tables = predict_parts(model.predict, data, run.labels, parts=parts)
    metrics = assess(
        tables,
        data.labels,
        protocol=data.protocol,
        temperature=model.trained.temperature if model.trained else 1.0,
        fitted_on="val" if model.trained else None,
    )
    examples = _examples(model.trained, tables["test"], data)
    _write(run_dir, run, config, data, tables, metrics)
    conclude(metrics, run_dir, write_report(run_dir, examples=examples))


def _read(path: Path) -> FinishedRun:
    """The run, with all that its files must say of it."""
    run = read_finished(path)
    missing = [key for key in NEEDED if key not in run.config]
    if missing:
        raise UserError(f"{path / 'config.yaml'} is not that of a run of ours: it has no {', '.join(missing)}")
    return run


def load_model(run: FinishedRun, config: Config) -> Model:
    """The run's model on the chosen device; raises UserError where it is not that of the run's metrics.json."""
    device = choose_device(config["device"])
    batch_size = config["batch_size"]
    if is_stack(run.path):
        _check_classes(run, read_stack(run.path).labels, "stack.json's")
        return Model(partial(predict_run, run.path, device=device, batch_size=batch_size), None, device)
    trained = load_trained(run.path)
    _check_classes(run, trained.labels, "the checkpoint's")
    num_windows = batch_size or training_batch_size(run.path)
    return Model(partial(predict_trained, trained, device=device, batch_size=num_windows), trained, device)


def _check_classes(run: FinishedRun, labels: Sequence[str], whose: str) -> None:
    if tuple(labels) != run.labels:
        raise UserError(
            f"{run.path}: {whose} classes are {', '.join(labels)}, those of metrics.json are "
            f"{', '.join(run.labels)}; they are of different runs"
        )


def predict_parts(
    predict: Predict, data: EvaluatedData, classes: Sequence[str], *, parts: Sequence[Part] = PARTS
) -> dict[str, pl.DataFrame]:
    """The predictions table of each of `parts` that has clips, among those of the model's `classes` that are asked.

    Raises RunFailedError where memory runs out. A part is predicted on its own, as in training.
    """
    asked = [classes.index(label) for label in data.labels]
    soft = are_soft(data.targets)
    tables: dict[str, pl.DataFrame] = {}
    for part in parts:
        rows = np.flatnonzero((data.table["part"] == part).to_numpy())
        if len(rows):
            clips = data.table[rows]
            with told_if_out_of_memory("out of memory; give a smaller batch_size=, or device=cpu"):
                p = predict(clips, data.clips.store)
            p = p if len(asked) == len(classes) else among(p, asked)
            tables[part] = predictions_table(clips, p, data.labels, data.targets[rows] if soft else None)
    return tables


def asked_network(network: EmotionNetwork, classes: list[int]) -> EmotionNetwork:
    """The same network with an output for these classes alone; it shares all weights but the last layer's."""
    assert isinstance(network.head, nn.Sequential), "a dense head"
    *layers, last = network.head
    assert isinstance(last, nn.Linear), "its last layer gives the logits"
    fewer = nn.Linear(last.in_features, len(classes))
    with torch.no_grad():
        fewer.weight.copy_(last.weight[classes])
        fewer.bias.copy_(last.bias[classes])
    return EmotionNetwork(network.backbone, nn.Sequential(*layers, fewer)).eval()


def _examples(trained: Trained | None, predictions: pl.DataFrame, data: EvaluatedData) -> list[Example]:
    """The clips that the report plays; none of a stack, which has no log-mel of its own."""
    if trained is None:
        return []
    network = asked_network(trained.network.cpu(), [trained.labels.index(label) for label in data.labels])
    window = round(trained.window_seconds * trained.sample_rate)
    return build_examples(predictions, data.table, data.clips.store, trained.frontend, network, window=window)


def _introduce(run: FinishedRun, data: EvaluatedData, device: torch.device) -> None:
    """Print what is scored on what, and what of it the model has heard, before it takes time."""
    model = "a stack" if is_stack(run.path) else (run.config.get("model") or {}).get("backbone", "a model")
    out.print(f"model: {run.path} ({model}), on {device.type}", markup=False)
    out.print(f"protocol: {data.protocol['sentence']}", markup=False)
    heard = {part: data.protocol["shared_audio"][f"{part}_test"] for part in ("train", "val")}
    for part, what in (("train", "they were trained on"), ("val", "the epoch and the temperature were chosen by them")):
        if heard[part]:
            out.print(f"[yellow]warning: {heard[part]} test recordings were in {part}: {what}[/yellow]")
    for note in data.protocol["notes"]:
        out.print(f"note: {note}", markup=False)


def _write(
    run_dir: Path,
    run: FinishedRun,
    config: Config,
    data: EvaluatedData,
    tables: Mapping[str, pl.DataFrame],
    metrics: Mapping[str, Any],
) -> None:
    """Write all files but the report; config.yaml is the run's, with what was evaluated in place of its own."""
    about = {**run.config, "run": str(run.path), **_evaluated(run, config, data)}
    write_text(run_dir / "config.yaml", yaml.safe_dump(about, sort_keys=False, allow_unicode=True))
    write_text(run_dir / "environment.json", json.dumps(environment(about, data.table), indent=2) + "\n")
    write_csv(run_dir / "split.csv", data.table.select("clip", "part", "corpus", "speaker", "emotion"))
    if data.leaks is not None:
        text = json.dumps(leaks_file(data.leaks), indent=1, ensure_ascii=False)
        write_text(run_dir / "leaks.json", text + "\n")
    if data.clips.left_out:
        paths, reasons = zip(*data.clips.left_out, strict=True)
        write_csv(run_dir / "left_out.csv", pl.DataFrame({"path": paths, "reason": reasons}))
    for part, table in tables.items():
        write_predictions(run_dir / "predictions" / f"{part}.csv", table)
    write_text(run_dir / "metrics.json", json.dumps(metrics, indent=1) + "\n")


def _evaluated(run: FinishedRun, config: Config, data: EvaluatedData) -> dict[str, Any]:
    """What is not as in the run's config: where another corpus was scored, a name that says so, corpus and split."""
    if "corpus" not in config:
        return {}
    tested = " + ".join(data.protocol["parts"]["test"]["corpora"])
    name = f"{run.config.get('name', run.path.name)} on {tested}"
    return {"name": name, "corpus": config["corpus"], "split": config.get("split")}
