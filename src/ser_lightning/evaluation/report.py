"""The report of a finished run: one HTML page that needs nothing but itself, and its pictures beside it.

The page is made from the run's own files (metrics.json, predictions, log.csv, config.yaml), so that it says what
they say; only the examples, sound and log-mel, are handed in. The protocol comes before the scores, because a
score without it means nothing.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import soundfile
import yaml
from matplotlib.figure import Figure

from ser_lightning.drawing import png
from ser_lightning.errors import UserError
from ser_lightning.evaluation import plots
from ser_lightning.evaluation.examples import Example
from ser_lightning.pages import data_uri, render, write_page

PARTS = ("test", "val", "train")
AUDIO_BUDGET = 1_200_000  # characters of base64 on the page, which stays below 3 MB


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the page needs of a run directory; `part` is the one whose scores are shown large."""

    metrics: Mapping[str, Any]
    part: str
    predictions: pl.DataFrame
    log: pl.DataFrame | None
    config: Mapping[str, Any]
    leaks: Mapping[str, Mapping[str, int]]


def write_report(run_dir: Path, *, examples: Sequence[Example]) -> Path:
    """Write `<run_dir>/report/index.html` and the PNGs beside it; return the page's path.

    Raises UserError where the run lacks the metrics or the predictions that the page is about.
    """
    run = read_run(run_dir)
    pictures = {name: png(figure) for name, figure in _figures(run, examples).items()}
    return write_page(run_dir / "report", _render(run, pictures, examples, run_dir.resolve().name), pictures)


def read_run(run_dir: Path) -> Run:
    """Read the files of a finished run; log.csv, config.yaml and leaks.json may be missing, as after `evaluate`."""
    metrics = json.loads(_present(run_dir / "metrics.json").read_text(encoding="utf-8"))
    part = next((part for part in PARTS if metrics.get(part)), None)
    if part is None:
        raise UserError(f"{run_dir / 'metrics.json'} scores none of {', '.join(PARTS)}; `evaluate` the run")
    log, config, leaks = (run_dir / name for name in ("log.csv", "config.yaml", "leaks.json"))
    return Run(
        metrics=metrics,
        part=part,
        predictions=_read_predictions(_present(run_dir / "predictions" / f"{part}.csv"), metrics["labels"]),
        log=pl.read_csv(log, infer_schema=False) if log.exists() else None,
        config=yaml.safe_load(config.read_text(encoding="utf-8")) or {} if config.exists() else {},
        leaks=json.loads(leaks.read_text(encoding="utf-8"))["shared"] if leaks.exists() else {},
    )


def _present(path: Path) -> Path:
    if not path.exists():
        raise UserError(f"a report needs {path}, which is missing; train to the end, or `evaluate` the run")
    return path


def _read_predictions(path: Path, labels: Sequence[str]) -> pl.DataFrame:
    """Only the columns that are drawn: the types of others (speakers 01 and YAF) would have to be guessed."""
    probabilities = {f"p_{label}": pl.Float64 for label in labels}
    columns = ["label", *probabilities]
    return pl.read_csv(path, columns=columns, schema_overrides={"label": pl.String, **probabilities})


def _figures(run: Run, examples: Sequence[Example]) -> dict[str, Figure]:
    """All pictures by file name; ROC and training curves only where there are any."""
    scores, labels = run.metrics[run.part], run.metrics["labels"]
    recalls = {label: scores["per_class"][label]["recall"] for label in labels}
    figures = {
        "recall": plots.recall_figure(recalls, scores["balanced_accuracy"]),
        "confusion": plots.confusion_figure(scores["confusion"], labels),
    }
    if curves := plots.roc_curves(run.predictions, labels):
        figures["roc"] = plots.roc_figure(curves)
    if run.log is not None:
        figures["loss"] = plots.loss_figure(run.log)
        figures["balanced_accuracy"] = plots.balanced_accuracy_figure(run.log)
    for number, example in enumerate(examples, start=1):
        figures[f"example_{number}"] = plots.log_mel_figure(example.log_mel, example.seconds)
    return figures


def _render(run: Run, pictures: Mapping[str, bytes], examples: Sequence[Example], name: str) -> str:
    """The page's text, from the template beside this file; `name` is the title of a run without a config."""
    return render(
        "ser_lightning.evaluation",
        "report.html.j2",
        filters={"score": _score},
        title=run.config.get("name") or name,
        settings=_settings(run.config),
        metrics=run.metrics,
        protocol=run.metrics["protocol"],
        leaks=run.leaks,
        labels=run.metrics["labels"],
        part=run.part,
        scores=run.metrics[run.part],
        parts=[part for part in reversed(PARTS) if run.metrics.get(part)],
        best=plots.best_epoch(run.log) if run.log is not None else None,
        pictures={name: data_uri("image/png", content) for name, content in pictures.items()},
        examples=list(zip(examples, _sounds(examples), strict=True)),
    )


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The few settings that tell runs apart, where the config has them."""
    shown = {
        "backbone": (config.get("model") or {}).get("backbone"),
        "epochs, at most": (config.get("trainer") or {}).get("max_epochs"),
        "seed": config.get("seed"),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _sounds(examples: Sequence[Example]) -> list[str | None]:
    """The clips as FLAC data URIs; None for a clip too long for what is left of the budget."""
    left, sounds = AUDIO_BUDGET, list[str | None]()
    for example in examples:
        sound = data_uri("audio/flac", _flac(example))
        fits = len(sound) <= left
        left -= len(sound) if fits else 0
        sounds.append(sound if fits else None)
    return sounds


def _flac(example: Example) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, example.wave, example.sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _score(value: float | None) -> str:
    """Three decimals; a dash where the score is undefined."""
    return "—" if value is None or math.isnan(value) else f"{value:.3f}"
