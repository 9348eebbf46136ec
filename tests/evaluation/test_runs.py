"""Run directories are found and read, and what is none is told of, all at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.evaluation.runs import find_runs, read_finished


def plant(folder: Path, *, config: bool = True) -> Path:
    """A run directory as small as can be."""
    folder.mkdir(parents=True)
    metrics = {"labels": ["calm", "angry"], "protocol": {"split": "random"}, "test": {"accuracy": 0.5}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    if config:
        (folder / "config.yaml").write_text("name: tiny\nseed: 3\n")
    return folder


def test_a_run_is_read(tmp_path):
    run = read_finished(plant(tmp_path / "run"))
    assert run.labels == ("calm", "angry")
    assert run.protocol == {"split": "random"}
    assert run.config == {"name": "tiny", "seed": 3}
    assert run.metrics["test"]["accuracy"] == 0.5
    assert not run.has("test")


def test_a_real_run_is_read(tiny_run):
    run = read_finished(tiny_run)
    assert run.has("test")
    table = run.predictions("test")
    assert len(table) == run.metrics["test"]["clips"]
    assert table.equals(read_predictions(tiny_run / "predictions" / "test.csv"))
    assert [f"p_{label}" for label in run.labels] == [name for name in table.columns if name.startswith("p_")]


def test_predictions_that_are_not_there_are_told_of(tmp_path):
    run = read_finished(plant(tmp_path / "run"))
    with pytest.raises(UserError, match="run has no predictions of its test part"):
        run.predictions("test")


def test_a_folder_that_is_no_run_is_told_of(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        read_finished(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no finished run: it has no metrics\.json and no config\.yaml"):
        read_finished(tmp_path)
    with pytest.raises(UserError, match=r"it has no config\.yaml; train it to the end"):
        read_finished(plant(tmp_path / "half", config=False))


def test_jobs_of_a_multirun_come_in_the_order_of_their_numbers(tmp_path):
    jobs = [plant(tmp_path / str(number)) for number in (10, 2, 0, 1)]
    (tmp_path / "3").mkdir()  # was killed
    assert find_runs([str(tmp_path)]) == [jobs[2], jobs[3], jobs[1], jobs[0]]


def test_runs_at_any_depth_are_found(tmp_path):
    deep = plant(tmp_path / "a" / "2026-01-01_10-00-00")
    jobs = [plant(tmp_path / "b" / name) for name in ("0", "latest")]
    assert find_runs([str(tmp_path)]) == [deep, *jobs]


def test_what_lies_within_a_run_is_no_run_of_its_own(tmp_path):
    """As the scores of a trained model on another corpus may."""
    run = plant(tmp_path / "0")
    within = plant(run / "evaluate" / "tess")
    assert find_runs([str(tmp_path)]) == [run]
    assert find_runs([str(run)]) == [run]
    assert find_runs([str(within)]) == [within]


def test_a_run_that_is_named_twice_counts_once(tmp_path):
    first, second = plant(tmp_path / "0"), plant(tmp_path / "1")
    assert find_runs([str(second), str(tmp_path), str(first)]) == [second, first]


def test_all_folders_without_runs_are_told_of_together(tmp_path):
    (tmp_path / "empty").mkdir()
    plant(tmp_path / "run")
    with pytest.raises(UserError) as told:
        find_runs([str(tmp_path / name) for name in ("empty", "run", "nowhere")])
    message = str(told.value)
    assert f"{tmp_path / 'empty'} holds no finished run" in message
    assert f"{tmp_path / 'nowhere'} is no folder" in message
    assert str(tmp_path / "run") not in message
