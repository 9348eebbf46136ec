"""What Weights & Biases gets at the end of a run: test scores, confusion matrix, the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from pytorch_lightning.loggers import Logger, WandbLogger

from ser_lightning.evaluation.examples import Example


def log_results(
    loggers: Sequence[Logger],
    run_dir: Path,
    tables: Mapping[str, pl.DataFrame],
    metrics: Mapping[str, Any],
    examples: Sequence[Example],
) -> None:
    """Send the results to every W&B logger of the run, and finish it."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            _log(logger, run_dir, tables["test"], metrics, examples)


def _log(
    logger: WandbLogger, run_dir: Path, test: pl.DataFrame, metrics: Mapping[str, Any], examples: Sequence[Example]
) -> None:
    import wandb

    labels, scores = metrics["labels"], metrics["test"]
    number = {label: index for index, label in enumerate(labels)}
    summary = {f"test_{name}": scores[name] for name in ("accuracy", "balanced_accuracy", "macro_f1", "auroc")}
    logger.experiment.summary.update(summary)
    confusion = wandb.plot.confusion_matrix(
        y_true=[number[label] for label in test["label"]],
        preds=[number[label] for label in test["prediction"]],
        class_names=list(labels),
        title="test confusion",
    )
    report = wandb.Artifact(f"report-{logger.experiment.id}", type="report")
    report.add_dir(str(run_dir / "report"))
    logger.experiment.log({"test_confusion": confusion})
    logger.experiment.log_artifact(report)
    wandb.finish()
