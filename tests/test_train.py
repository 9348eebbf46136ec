"""A whole run on a tiny corpus: what it leaves behind, and that the numbers in it agree with each other."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from ser_lightning.build import build_data, build_training
from ser_lightning.evaluation.calibration import calibrated
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.evaluation.scores import table_scores
from ser_lightning.inference import predict_rows
from ser_lightning.train import train

RATE = 16000
CORPORA = Path(__file__).parent.parent.parent / "shared" / "corpora"


@pytest.fixture(scope="module")
def corpus(tone_corpus):
    return tone_corpus


@pytest.fixture(scope="module")
def arguments(tiny_arguments):
    return tiny_arguments


@pytest.fixture(scope="module")
def finished(tiny_run):
    return tiny_run


def test_a_run_leaves_these_files_and_no_others(finished):
    files = {str(path.relative_to(finished)) for path in finished.rglob("*") if path.is_file()}
    pictures = {name for name in files if name.endswith(".png")}
    assert files - pictures == {
        "config.yaml",
        "environment.json",
        "split.csv",
        "leaks.json",
        "log.csv",
        "timing.csv",
        "metrics.json",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "predictions/train.csv",
        "predictions/val.csv",
        "predictions/test.csv",
        "report/index.html",
    }


def test_every_clip_is_in_one_part_and_predicted_there_once(finished):
    split = pl.read_csv(finished / "split.csv")
    assert split.columns == ["clip", "part", "corpus", "speaker", "emotion"]
    assert len(split) == 60
    for part in ("train", "val", "test"):
        predicted = read_predictions(finished / "predictions" / f"{part}.csv")
        assert predicted["clip"].to_list() == split.filter(pl.col("part") == part)["clip"].to_list()


def test_predictions_have_the_columns_of_the_contract(finished):
    table = read_predictions(finished / "predictions" / "test.csv")
    about = ["clip", "corpus", "speaker", "sex", "text", "intensity", "duration", "label", "prediction"]
    assert table.columns == [*about, "p_angry", "p_sad", "p_neutral"]
    probabilities = table.select("p_angry", "p_sad", "p_neutral").to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)
    guessed = [["angry", "sad", "neutral"][index] for index in probabilities.argmax(axis=1)]
    assert table["prediction"].to_list() == guessed


def test_metrics_are_scikit_learns_on_the_predictions(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["labels"] == ["angry", "sad", "neutral"]
    for part in ("train", "val", "test"):
        table = read_predictions(finished / "predictions" / f"{part}.csv")
        truth, guess = table["label"].to_list(), table["prediction"].to_list()
        assert metrics[part]["accuracy"] == pytest.approx(accuracy_score(truth, guess))
        assert metrics[part]["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, guess))
        assert metrics[part]["macro_f1"] == pytest.approx(f1_score(truth, guess, average="macro"))
        assert metrics[part]["clips"] == len(table)


def test_the_protocol_says_that_no_speaker_is_shared(finished):
    protocol = json.loads((finished / "metrics.json").read_text())["protocol"]
    split = pl.read_csv(finished / "split.csv")
    speakers = {part: set(split.filter(pl.col("part") == part)["speaker"]) for part in ("train", "val", "test")}
    assert protocol["speaker_disjoint"]
    assert protocol["shared_speakers"] == {"train_val": 0, "train_test": 0, "val_test": 0}
    assert {part: size["speakers"] for part, size in protocol["parts"].items()} == {
        part: len(names) for part, names in speakers.items()
    }
    assert "1 test speaker, none of them in training" in protocol["sentence"]


def test_the_log_has_one_row_an_epoch_and_no_wall_time(finished):
    with (finished / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"train_loss", "val_loss", "val_balanced_accuracy", "val_recall_angry", "lr"} <= set(rows[0])
    assert not [name for name in rows[0] if "second" in name or "time" in name]


def test_the_config_is_resolved_and_trains_again(finished):
    config = yaml.safe_load((finished / "config.yaml").read_text())
    assert config["frontend"]["sample_rate"] == RATE
    assert config["data"]["seed"] == config["seed"] == 0
    assert "${" not in (finished / "config.yaml").read_text()


@pytest.mark.parametrize("name", ["best.ckpt", "last.ckpt"])
def test_a_checkpoint_is_plain_and_says_what_predicting_needs(finished, name):
    checkpoint = torch.load(finished / "checkpoints" / name, weights_only=True)
    recognizer = checkpoint["recognizer"]
    assert recognizer["labels"] == ["angry", "sad", "neutral"]
    assert recognizer["sample_rate"] == RATE
    assert recognizer["network"]["backbone"] == "test_resnet"
    assert recognizer["frontend"]["n_mels"] == 64
    temperature = json.loads((finished / "metrics.json").read_text())["calibration"]["temperature"]
    assert recognizer["temperature"] == (temperature if name == "best.ckpt" else 1.0)
    assert "_target_" not in json.dumps(recognizer)


def test_last_is_the_last_epoch_and_best_the_best(arguments, corpus, tmp_path, run_job):
    run_dir = tmp_path / "run"
    overrides = arguments(corpus, tmp_path, "trainer.max_epochs=4", "optimizer.lr=1e-2", f"hydra.run.dir={run_dir}")
    assert run_job(train, "train", overrides).code == 0
    scores = pl.read_csv(run_dir / "log.csv")["val_balanced_accuracy"].to_list()
    epochs = {
        name: torch.load(run_dir / "checkpoints" / name, weights_only=True)["epoch"]
        for name in ("best.ckpt", "last.ckpt")
    }
    assert epochs == {"best.ckpt": scores.index(max(scores)), "last.ckpt": 3}


def test_predictions_do_not_depend_on_the_batch(finished, tmp_path):
    config = yaml.safe_load((finished / "config.yaml").read_text())
    data = build_data(config)
    state = torch.load(finished / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    found = []
    for batch_size in (1, 7):
        config["data"]["batch_size"] = batch_size
        task, module, _, _ = build_training(config, data, tmp_path)
        task.load_state_dict(state)
        rows = module.rows("test")
        found.append(predict_rows(task.network, module, rows, num_classes=3, device=torch.device("cpu"))[1])
    saved = read_predictions(finished / "predictions" / "test.csv").select("p_angry", "p_sad", "p_neutral").to_numpy()
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=0)
    temperature = json.loads((finished / "metrics.json").read_text())["calibration"]["temperature"]
    np.testing.assert_allclose(calibrated(found[0].numpy(), temperature), saved, atol=1e-5)


def test_the_same_seed_gives_the_same_predictions_and_log(arguments, finished, corpus, tmp_path, run_job):
    again = tmp_path / "again"
    assert run_job(train, "train", arguments(corpus, finished.parent, f"hydra.run.dir={again}")).code == 0
    for name in ("log.csv", "split.csv", "predictions/train.csv", "predictions/val.csv", "predictions/test.csv"):
        assert (again / name).read_bytes() == (finished / name).read_bytes()


def test_the_summary_has_protocol_scores_and_report(arguments, corpus, tmp_path, run_job):
    result = run_job(train, "train", arguments(corpus, tmp_path, "trainer=debug", f"hydra.run.dir={tmp_path / 'run'}"))
    assert result.code == 0
    assert "test_resnet: 0." in result.out
    for text in ("protocol: table, label set native", "balanced accuracy (UAR)", "class weights:", "index.html"):
        assert text in result.out


def test_debug_is_one_batch_of_everything(arguments, corpus, tmp_path, run_job):
    run_dir = tmp_path / "run"
    overrides = arguments(corpus, tmp_path, "trainer=debug", f"hydra.run.dir={run_dir}")  # max_epochs is 2 there
    assert run_job(train, "train", overrides).code == 0
    assert len(pl.read_csv(run_dir / "split.csv")) == 60
    assert [len(read_predictions(run_dir / "predictions" / f"{part}.csv")) for part in ("train", "val", "test")] == [
        8
    ] * 3
    with (run_dir / "log.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1
    assert (run_dir / "report" / "index.html").exists()


def test_two_classes_work(arguments, corpus, tmp_path, run_job):
    run_dir = tmp_path / "run"
    label_set = "label_set={negative:[angry,sad],other:[neutral]}"
    done = run_job(train, "train", arguments(corpus, tmp_path, label_set, f"hydra.run.dir={run_dir}", "split=random"))
    assert done.code == 0
    metrics = json.loads((run_dir / "metrics.json").read_text())
    assert metrics["labels"] == ["negative", "other"]
    assert metrics["protocol"]["merged"] == {"angry -> negative": 20, "sad -> negative": 20, "neutral -> other": 20}


def test_class_weights_count_the_training_part_only(arguments, corpus, tmp_path, run_job):
    """Of four emotions' classes one is rarer in training: W_j = N / n_j by hand."""
    result = run_job(
        train,
        "train",
        arguments(
            corpus,
            tmp_path,
            "label_set={negative:[angry,sad],other:[neutral]}",
            "loss.weights=inverse",
            "trainer=debug",
            f"hydra.run.dir={tmp_path / 'run'}",
        ),
    )
    assert "class weights: negative 1.5, other 3" in result.out


def test_a_multirun_leaves_a_directory_a_job_and_a_rejected_one_does_not_stop_it(arguments, corpus, tmp_path, run_job):
    sweep = tmp_path / "sweep"
    overrides = arguments(corpus, tmp_path, "trainer=debug", f"hydra.sweep.dir={sweep}")
    result = run_job(train, "train", ["-m", *overrides, "optimizer.lr=1e-3,-1,3e-4"])
    assert result.code == 1
    assert "optimizer.lr=-1: input should be greater than 0" in result.err
    assert sorted(path.parent.name for path in sweep.glob("*/metrics.json")) == ["0", "2"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
def test_tensorboard_writes_event_files(arguments, corpus, tmp_path, run_job):
    run_dir = tmp_path / "run"
    more = ("trainer=debug", "logger=tensorboard", f"hydra.run.dir={run_dir}")
    assert run_job(train, "train", arguments(corpus, tmp_path, *more)).code == 0
    assert list((run_dir / "tensorboard").glob("events.out.*"))


@pytest.mark.slow
def test_two_processes_train_one_run(arguments, corpus, tmp_path):
    """Both read their own batches; one writes, and its results are those of every clip, once."""
    run_dir = tmp_path / "run"
    overrides = ["trainer.devices=2", "trainer.strategy=ddp", f"hydra.run.dir={run_dir}"]
    command = [sys.executable, "-m", "ser_lightning.train", *arguments(corpus, tmp_path, *overrides)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "sync_dist" not in done.stderr
    metrics = json.loads((run_dir / "metrics.json").read_text())
    split = pl.read_csv(run_dir / "split.csv")
    assert [metrics[part]["clips"] for part in ("train", "val", "test")] == [
        len(split.filter(pl.col("part") == part)) for part in ("train", "val", "test")
    ]
    assert pl.read_csv(run_dir / "log.csv")["epoch"].to_list() == [1, 2]


def test_scores_of_a_table_survive_the_csv(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    table = read_predictions(finished / "predictions" / "val.csv")
    scores = table_scores(table, metrics["labels"])
    assert scores == {name: value for name, value in metrics["val"].items() if name in scores}
