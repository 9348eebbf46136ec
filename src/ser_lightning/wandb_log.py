"""What Weights & Biases gets of a run: config and protocol at the start; scores, curves, tables and files at the end.

docs/wandb.md lists it. Everything lies in the run directory, so that of an offline run `wandb sync` sends all of it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import torch
from pytorch_lightning.loggers import Logger, WandbLogger

from ser_lightning import wandb_tables
from ser_lightning.evaluation.examples import Example
from ser_lightning.terminal import err

if TYPE_CHECKING:
    import wandb
    from wandb.plot.custom_chart import CustomChart


def log_config(loggers: Sequence[Logger], config: Mapping[str, Any], protocol: Mapping[str, Any]) -> None:
    """Send the resolved config to every logger; to W&B the protocol as well, and that charts are drawn over epochs."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            _close_left_open()
            logger.log_hyperparams({**config, "protocol": dict(protocol)})
            logger.experiment.define_metric("epoch")
            logger.experiment.define_metric("*", step_metric="epoch", overwrite=True)
        else:
            logger.log_hyperparams(dict(config))


def log_results(
    loggers: Sequence[Logger],
    run_dir: Path,
    tables: Mapping[str, pl.DataFrame],
    metrics: Mapping[str, Any],
    examples: Sequence[Example],
) -> None:
    """Send the results to every W&B logger of the run, and finish it; returns when all is sent, or on disk.

    Of an offline run the command that uploads it is printed.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            run = logger.experiment
            with _staged_in(run_dir / "wandb"):
                run.summary.update(wandb_tables.summary_values(metrics))
                run.log(_charts(tables["test"], metrics) | _tables(tables["test"], metrics, examples))
                run.log_artifact(_report(run.id, run_dir), aliases=["latest"])
                run.log_artifact(_model(run.id, run_dir, metrics), aliases=["best", "latest"])
                _finish(run)
            if run.offline:
                err.print(f"upload the run to W&B with: wandb sync {shlex.quote(run.sync_dir)}", markup=False)


def _charts(test: pl.DataFrame, metrics: Mapping[str, Any]) -> dict[str, CustomChart]:
    import wandb

    rows = wandb_tables.chart_rows(test, metrics["labels"], metrics["test"]["confusion"])
    return {
        key: wandb.plot_table(chart.kind, _table(rows[key]), chart.fields, {"title": chart.title})
        for key, chart in wandb_tables.CHARTS.items()
    }


def _tables(test: pl.DataFrame, metrics: Mapping[str, Any], examples: Sequence[Example]) -> dict[str, wandb.Table]:
    return {
        "test_classes": _table(wandb_tables.class_rows(metrics["test"]["per_class"])),
        "test_predictions": _table(test),
        "test_mistakes": _mistakes([example for example in examples if not example.right], test, metrics["labels"]),
    }


def _table(rows: pl.DataFrame) -> wandb.Table:
    import wandb

    return wandb.Table(columns=[*rows.columns], data=[list(row) for row in rows.iter_rows()])


def _mistakes(wrong: Sequence[Example], test: pl.DataFrame, labels: Sequence[str]) -> wandb.Table:
    """A row a wrong example: what was said and heard, its log-mel, and the probability of every class."""
    import wandb

    columns: list[str | int] = [
        "clip",
        "label",
        "prediction",
        "probability",
        "audio",
        "log-mel",
        *(f"p_{label}" for label in labels),
    ]
    table = wandb.Table(columns=columns)
    probabilities = {row["clip"]: row for row in test.iter_rows(named=True)}
    for example in wrong:
        table.add_data(
            example.clip,
            example.label,
            example.prediction,
            example.probability,
            wandb.Audio(example.wave, example.sample_rate, caption=example.clip),
            wandb.Image(wandb_tables.log_mel_picture(example.log_mel), caption=example.clip),
            *(probabilities[example.clip][f"p_{label}"] for label in labels),
        )
    return table


def _report(run_id: str, run_dir: Path) -> wandb.Artifact:
    """The report's folder; its files are sent from where they are."""
    import wandb

    artifact = wandb.Artifact(f"report-{run_id}", type="report")
    artifact.add_dir(str((run_dir / "report").absolute()), skip_cache=True, policy="immutable")
    return artifact


def _model(run_id: str, run_dir: Path, metrics: Mapping[str, Any]) -> wandb.Artifact:
    """The best checkpoint, with what its scores stand for and what is needed to predict with it."""
    import wandb

    path = (run_dir / "checkpoints" / "best.ckpt").absolute()
    metadata = {
        "labels": list(metrics["labels"]),
        "protocol": metrics["protocol"]["sentence"],
        "test_balanced_accuracy": metrics["test"]["balanced_accuracy"],
        "val_balanced_accuracy": metrics["val"]["balanced_accuracy"],
        "recognizer": torch.load(path, map_location="cpu", weights_only=True, mmap=True)["recognizer"],
    }
    artifact = wandb.Artifact(f"model-{run_id}", type="model", metadata=metadata)
    artifact.add_file(str(path), skip_cache=True, policy="immutable")
    return artifact


def _finish(run: wandb.Run, *, exit_code: int = 0) -> None:
    """Finish the run and wait for W&B's service: `finish` alone returns before the end of an offline run is on disk."""
    import wandb

    run.finish(exit_code)
    wandb.teardown()


def _close_left_open() -> None:
    """Close the run of a job that failed in this process: W&B would take it for the next job's."""
    import wandb

    if wandb.run is not None:
        _finish(wandb.run, exit_code=1)


@contextmanager
def _staged_in(folder: Path) -> Iterator[None]:
    """Let W&B keep what it will upload in `folder`, unless the user names a place; else it takes the home folder."""
    if "WANDB_DATA_DIR" in os.environ:
        yield
        return
    os.environ["WANDB_DATA_DIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["WANDB_DATA_DIR"]
