"""An offline W&B run, read back from its own file: it holds what the run directory says, and needs no network."""

import csv
import json
import re
import shlex

import numpy as np
import PIL.Image
import polars as pl
import pytest
import soundfile
import torch
import yaml
from sklearn.metrics import average_precision_score, roc_auc_score

from ser_lightning.build import built
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.evaluation.scores import NAMES
from ser_lightning.frontend.frontend import to_float
from ser_lightning.wandb_tables import log_mel_picture

LABELS = ("angry", "sad", "neutral")


def test_the_run_is_whole_when_the_command_returns(logged):
    assert [record.exit_code for record in logged.of("exit")] == [0]
    assert logged.records[-1].num == max(record.num for record in logged.records)


def test_nothing_asks_for_the_network(logged, proxy):
    with pytest.raises(BlockingIOError):
        proxy.accept()


def test_the_command_that_uploads_the_run_is_printed(logged):
    assert "W&B runs offline (no API key)" in logged.err
    [command] = re.findall(r"with: (wandb sync .*)", logged.err)
    assert shlex.split(command) == ["wandb", "sync", str(logged.folder)]


def test_the_config_is_the_resolved_one_and_the_protocol(logged):
    expected = yaml.safe_load((logged.run_dir / "config.yaml").read_text())
    assert {key: logged.config[key] for key in expected} == expected
    assert logged.config["protocol"] == logged.metrics["protocol"]


def test_the_run_has_the_id_that_its_folder_keeps(logged):
    """So it is the same run to W&B where it goes on after it was broken off."""
    [run] = logged.of("run")
    assert run.run_id == json.loads((logged.run_dir / "environment.json").read_text())["run_id"]


def test_a_single_run_has_tags_and_no_group(logged):
    [run] = logged.of("run")
    assert (run.project, run.run_group, run.job_type) == ("ser_lightning", "", "train")
    assert list(run.tags) == ["table", "test_resnet", "speaker", "tones"]


@pytest.mark.parametrize(
    "name",
    [
        *(f"val_recall_{label}" for label in LABELS),
        *("val_balanced_accuracy", "val_loss", "train_loss", "train_balanced_accuracy", "lr"),
    ],
)
def test_the_history_of_every_epoch_is_that_of_the_log(logged, name):
    with (logged.run_dir / "log.csv").open() as file:
        expected = [(int(row["epoch"]), float(row[name])) for row in csv.DictReader(file)]
    assert [epoch for epoch, _ in logged.series(name)] == [epoch for epoch, _ in expected] == [1, 2]
    np.testing.assert_allclose(logged.series(name), expected, rtol=1e-6)  # Lightning keeps what is logged in float32


def test_charts_are_drawn_over_epochs(logged):
    last = {metric.glob_name or metric.name: metric for metric in logged.of("metric")}
    assert last["*"].step_metric == "epoch"
    assert last["*"]._control.overwrite  # Lightning's own rule, over its steps, is taken back


def test_the_summary_is_that_of_metrics_json(logged):
    metrics = logged.metrics
    scored = [(part, name) for part in ("train", "val", "test") for name in NAMES if metrics[part][name] is not None]
    assert len(scored) == 30
    for part, name in scored:
        assert logged.summary[f"{part}_{name}"] == metrics[part][name]
    assert logged.summary["protocol"] == metrics["protocol"]["sentence"]
    assert logged.summary["temperature"] == metrics["calibration"]["temperature"]


def test_the_confusion_matrix_counts_what_metrics_json_counts(logged):
    table = logged.table("test_confusion_table")
    assert table["Actual"].to_list() == [label for label in LABELS for _ in LABELS]
    assert table["Predicted"].to_list() == list(LABELS) * 3
    assert table["nPredictions"].to_numpy().reshape(3, 3).tolist() == logged.metrics["test"]["confusion"]


@pytest.mark.parametrize("label", LABELS)
def test_the_areas_under_the_curves_are_scikit_learns(logged, label):
    predictions = read_predictions(logged.run_dir / "predictions" / "test.csv")
    truth, score = predictions["label"].to_numpy() == label, predictions[f"p_{label}"].to_numpy()
    roc, pr = (logged.table(key).filter(pl.col("class") == label) for key in ("test_roc_table", "test_pr_table"))
    assert np.trapezoid(roc["tpr"], roc["fpr"]) == pytest.approx(roc_auc_score(truth, score))
    average = -np.sum(np.diff(pr["recall"].to_numpy()) * pr["precision"].to_numpy()[:-1])
    assert average == pytest.approx(average_precision_score(truth, score))


def test_a_chart_is_asked_for_every_curve(logged):
    charts = {
        name.split("/")[2]: value["panel_config"]["panelDefId"]
        for name, value in logged.config.items()
        if name.startswith("_wandb/visualize/")
    }
    area = "wandb/area-under-curve/v0"
    curves = {"test_roc": area, "test_pr": area, "test_reliability": "wandb/line/v0"}
    assert charts == {"test_confusion": "wandb/confusion_matrix/v1", **curves}


def test_the_bins_of_confidence_sum_to_the_calibration_error(logged):
    table = logged.table("test_reliability_table")
    clips = table["clips"].to_numpy()
    gaps = np.abs(table["confidence"].to_numpy() - table["accuracy"].to_numpy())
    assert (gaps * clips).sum() / clips.sum() == pytest.approx(logged.metrics["test"]["ece"])


def test_the_table_of_classes_is_that_of_metrics_json(logged):
    rows = {row.pop("label"): row for row in logged.table("test_classes").iter_rows(named=True)}
    assert rows == logged.metrics["test"]["per_class"]


def test_the_predictions_are_those_on_disk(logged):
    table = logged.table("test_predictions")
    expected = read_predictions(logged.run_dir / "predictions" / "test.csv")
    assert table.columns == expected.columns
    assert table.with_columns(pl.col("^p_.*$").cast(pl.Float32)).equals(expected)


def test_the_mistakes_are_mistakes_with_what_was_heard_and_seen(logged, tone_corpus):
    files = logged.files_of(logged.artifact(f"run-{logged.of('run')[0].run_id}-test_mistakes"))
    content = json.loads(files["test_mistakes.table.json"].read_text())
    rows = [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]
    said = {row["clip"]: row for row in logged.table("test_predictions").iter_rows(named=True)}
    frontend = built(yaml.safe_load((logged.run_dir / "config.yaml").read_text())["frontend"])
    assert len(rows) >= 4
    for row in rows:
        assert row["label"] != row["prediction"]
        assert row["probability"] == pytest.approx(row[f"p_{row['prediction']}"])
        for column in ("label", "prediction", *(f"p_{label}" for label in LABELS)):
            assert row[column] == said[row["clip"]][column]
        samples, rate = soundfile.read(files[row["audio"]["path"]], dtype="int16")
        heard, _ = soundfile.read(tone_corpus.parent / f"{row['clip'].rpartition('/')[2]}.wav", dtype="int16")
        assert rate == 16000
        np.testing.assert_array_equal(samples, heard)
        log_mel = frontend.decibels(to_float(torch.from_numpy(heard)[None]))[0].numpy()
        picture = np.asarray(PIL.Image.open(files[row["log-mel"]["path"]]).convert("RGB"))
        np.testing.assert_array_equal(picture, log_mel_picture(log_mel))


def test_the_report_is_an_artifact(logged):
    files = logged.files_of(logged.artifact("report-"))
    report = logged.run_dir / "report"
    assert files == {path.name: path for path in report.iterdir()}
    assert logged.artifact("report-").type == "report"
    assert "index.html" in files


def test_the_best_checkpoint_is_a_model_artifact_under_the_alias_best(logged):
    model = logged.artifact("model-")
    path = logged.run_dir / "checkpoints" / "best.ckpt"
    assert logged.files_of(model) == {"best.ckpt": path}
    assert (model.type, set(model.aliases)) == ("model", {"best", "latest"})
    assert json.loads(model.metadata) == {
        "labels": list(LABELS),
        "protocol": logged.metrics["protocol"]["sentence"],
        "test_balanced_accuracy": logged.metrics["test"]["balanced_accuracy"],
        "val_balanced_accuracy": logged.metrics["val"]["balanced_accuracy"],
        "recognizer": torch.load(path, weights_only=True)["recognizer"],
    }


def test_everything_that_is_to_be_uploaded_lies_in_the_run_directory(logged):
    artifacts = logged.of("artifact")
    assert len(artifacts) == 9
    for artifact in artifacts:
        assert all(path.is_relative_to(logged.run_dir) for path in logged.files_of(artifact).values())
