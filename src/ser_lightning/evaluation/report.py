"""The report of a finished run: one HTML page that needs nothing but itself, and its pictures beside it.

The page is made from the run's own files (metrics.json, predictions, log.csv, config.yaml), so that it says what
they say; only the examples, sound and log-mel, are handed in. The protocol comes before the scores, because a
score without it means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ser_lightning.drawing import png
from ser_lightning.evaluation import plots
from ser_lightning.evaluation.abstention import table_risk_coverage
from ser_lightning.evaluation.calibration import without_temperature
from ser_lightning.evaluation.curves import PrecisionRecallCurve, precision_recall_curves, roc_curves
from ser_lightning.evaluation.example_plots import log_mel_figure
from ser_lightning.evaluation.examples import Example
from ser_lightning.evaluation.intervals import said
from ser_lightning.evaluation.reliability import Bin, reliability
from ser_lightning.evaluation.report_run import PARTS, Run, read_run
from ser_lightning.evaluation.report_values import (
    Score,
    calibration_rows,
    group_tables,
    score_rows,
    speaker_table,
    speaker_values,
    told_threshold,
)
from ser_lightning.evaluation.sounds import sounds
from ser_lightning.evaluation.training_plots import best_epoch, training_figures
from ser_lightning.pages import data_uri, render, write_page

PAGE_BUDGET = 4_900_000
"""Characters on the page; a sound that would take more is left out."""
WORDS = 400_000
"""Characters kept free for what is not picture or sound: tables of 30 classes and 100 speakers."""


def write_report(run_dir: Path, *, examples: Sequence[Example]) -> Path:
    """Write `<run_dir>/report/index.html` and the PNGs beside it; return the page's path.

    Raises UserError where the run lacks the metrics or the predictions that the page is about.
    """
    run = read_run(run_dir)
    curves = precision_recall_curves(run.predictions, run.labels)
    bins = _bins(run)
    figures = _score_figures(run, curves, bins) | (training_figures(run.log) if run.log is not None else {})
    for number, example in enumerate(examples, start=1):
        figures[f"example_{number}"] = log_mel_figure(example.log_mel, example.seconds, example.evidence)
    pictures = {name: png(figure) for name, figure in figures.items()}
    page = render(
        "ser_lightning.evaluation",
        "report.html.j2",
        filters={"score": _score, "interval": _interval},
        **_of_run(run, run_dir.resolve().name),
        **_of_scores(run, curves, bins),
        **_of_media(pictures, examples),
    )
    return write_page(run_dir / "report", page, pictures)


def _score_figures(
    run: Run, curves: Mapping[str, PrecisionRecallCurve], bins: Mapping[str, Sequence[Bin]]
) -> dict[str, Figure]:
    """The pictures of the scores by file name; curves and speakers only where there are any."""
    scores, labels = run.scores, run.labels
    recalls = {label: scores["per_class"][label]["recall"] for label in labels}
    figures = {
        "recall": plots.recall_figure(recalls, scores["balanced_accuracy"]),
        "confusion": plots.confusion_figure(scores["confusion"], labels),
        "confusion_normalised": plots.normalised_confusion_figure(scores["confusion"], labels),
    }
    if curves:
        figures["roc"] = plots.roc_figure(roc_curves(run.predictions, labels))
        figures["precision_recall"] = plots.precision_recall_figure(curves)
    figures |= {f"reliability_{when}": plots.reliability_figure(found) for when, found in bins.items()}
    if abstention := scores.get("abstention"):
        curve = table_risk_coverage(run.predictions, labels)
        figures["risk_coverage"] = plots.risk_coverage_figure(curve, abstention["thresholds"])
    if speakers := speaker_values(scores.get("groups", {})):
        main = score_rows([scores])[0].cells[0]
        figures["speakers"] = plots.speakers_figure(speakers, scores["balanced_accuracy"], main.interval)
    return figures


def _bins(run: Run) -> dict[str, list[Bin]]:
    """The bins of the reliability diagrams, before the temperature, where that is known, and after."""
    found = {}
    if run.temperature is not None:
        before = without_temperature(run.predictions, run.labels, run.temperature)
        found["before"] = reliability(before, run.labels)
    return found | {"after": reliability(run.predictions, run.labels)}


def _of_run(run: Run, name: str) -> dict[str, Any]:
    """What the page says of the run; `name` is the title of a run without a config."""
    return {
        "title": run.config.get("name") or name,
        "settings": _settings(run.config),
        "metrics": run.metrics,
        "protocol": run.metrics["protocol"],
        "leaks": run.leaks,
        "labels": run.labels,
        "part": run.part,
        "best": best_epoch(run.log) if run.log is not None else None,
    }


def _of_scores(
    run: Run, curves: Mapping[str, PrecisionRecallCurve], bins: Mapping[str, Sequence[Bin]]
) -> dict[str, Any]:
    """What the page says of the scores."""
    parts = [part for part in reversed(PARTS) if run.metrics.get(part)]
    groups = run.scores.get("groups", {})
    return {
        "scores": run.scores,
        "parts": parts,
        "caption": _caption(run.config),
        "tiles": score_rows([run.scores]),
        "all_parts": score_rows([run.metrics[part] for part in parts]),
        "intervals": run.scores.get("intervals"),
        "curves": curves,
        "temperature": run.temperature,
        "calibration": [] if run.temperature is None else calibration_rows(run.metrics, run.part),
        "bins": bins,
        "abstention": run.scores.get("abstention"),
        "told": told_threshold(run.scores.get("abstention")),
        "fitted_on": (run.metrics.get("calibration") or {"fitted_on": None})["fitted_on"],
        "groupings": group_tables(groups),
        "speakers": speaker_table(groups),
    }


def _caption(config: Mapping[str, Any]) -> str:
    """What the scores of the parts are of; of a run without a config that is not known."""
    if "meta" in config:
        return "All parts. A stack has no checkpoint; the notes say what predicted each part."
    return "All parts, under the checkpoint that was kept, without augmentation." if "model" in config else "All parts."


def _of_media(pictures: Mapping[str, bytes], examples: Sequence[Example]) -> dict[str, Any]:
    """The pictures, and the examples with their numbers and sounds."""
    inline = {name: data_uri("image/png", content) for name, content in pictures.items()}
    room = PAGE_BUDGET - WORDS - sum(map(len, inline.values()))
    numbered = zip(range(1, len(examples) + 1), examples, sounds(examples, room), strict=True)
    return {"pictures": inline, "examples": list(numbered)}


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The few settings that tell runs apart, where the config has them."""
    shown = {
        "backbone": (config.get("model") or {}).get("backbone"),
        "epochs, at most": (config.get("trainer") or {}).get("max_epochs"),
        "seed": config.get("seed"),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _score(value: float | None) -> str:
    """Three decimals; a dash where the score is undefined."""
    return "—" if value is None or math.isnan(value) else f"{value:.3f}"


def _interval(score: Score) -> str:
    """The interval in brackets, as it is printed elsewhere; empty where there is none."""
    return "" if score.interval is None else said(score.value, score.interval).partition(" ")[2]
