"""Run directories are found and read, and what is none is told of, all at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ser_lightning.data.protocol import PartSize, Protocol
from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.evaluation.run_shape import LATER, PARTS, PROTOCOL, SIZE
from ser_lightning.evaluation.runs import find_runs, read_all, read_finished

NONE_SHARED = {"train_val": 0, "train_test": 0, "val_test": 0}
SAID = {
    "sentence": "toy",
    "corpora": ["toy"],
    "label_set": "native",
    "labels": ["calm", "angry"],
    "merged": {},
    "dropped": {},
    "split": "random",
    "split_seed": 0,
    "split_fold": None,
    "split_folds": None,
    "parts": {part: {"clips": 1, "speakers": 1, "corpora": ["toy"]} for part in ("train", "val", "test")},
    "shared_speakers": NONE_SHARED,
    "shared_audio": NONE_SHARED,
    "speaker_disjoint": True,
    "speakers_known": True,
    "notes": [],
}
"""The protocol of a run of the first version."""


def plant(folder: Path, *, config: bool = True) -> Path:
    """A run directory as small as can be."""
    folder.mkdir(parents=True)
    metrics = {"labels": ["calm", "angry"], "protocol": SAID, "test": {"accuracy": 0.5}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    if config:
        (folder / "config.yaml").write_text("name: tiny\nseed: 3\n")
    return folder


def test_a_run_is_read(tmp_path):
    run = read_finished(plant(tmp_path / "run"))
    assert run.labels == ("calm", "angry")
    assert run.protocol == SAID | {
        "label_sources": {},
        "split_details": "",
        "absent": {"train": [], "val": [], "test": []},
    }
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


def test_the_shape_of_a_protocol_is_that_of_the_protocol():
    assert set(PROTOCOL) == set(Protocol.__annotations__)
    assert set(SIZE) == set(PartSize.__annotations__)
    assert set(LATER) == set(Protocol.__annotations__) - set(SAID)
    assert set(SAID["parts"]) == set(PARTS)


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("metrics.json", "", "cannot be read"),
        ("metrics.json", '{"labels": [', "cannot be read"),
        ("metrics.json", "\udcff", "cannot be read"),
        ("metrics.json", "[]", "is not that of a run: it is no mapping"),
        ("metrics.json", "{}", "labels is missing; protocol is missing"),
        ("config.yaml", "", "is not that of a run: it is no mapping"),
        ("config.yaml", "- 3\n", "is not that of a run: it is no mapping"),
        ("config.yaml", "a: [1\n", "cannot be read"),
        ("config.yaml", "model: resnet\nseed: three\n", "config.seed is no number; config.model is no mapping"),
    ],
)
def test_damaged_and_foreign_files_are_told_of(tmp_path, file, text, why):
    path = plant(tmp_path / "run") / file
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError) as told:
        read_finished(tmp_path / "run")
    [problem] = told.value.problems
    assert str(path) in problem
    assert why in problem
    assert problem.endswith("; train or evaluate the run again, or name another")


@pytest.mark.parametrize("key", sorted(SAID))
def test_a_protocol_that_lacks_a_key_or_has_it_otherwise_is_told_of(tmp_path, key):
    path = plant(tmp_path / "run") / "metrics.json"
    metrics = json.loads(path.read_text())
    lacking = {name: value for name, value in SAID.items() if name != key}
    for protocol, why in ((lacking, f"protocol.{key} is missing"), (SAID | {key: 1.5}, f"protocol.{key} is no ")):
        path.write_text(json.dumps(metrics | {"protocol": protocol}))
        with pytest.raises(UserError) as told:
            read_finished(tmp_path / "run")
        [problem] = told.value.problems
        assert f"{path} is not that of a run: {why}" in problem


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"labels": ["calm"]}, "labels must be a list of two names or more, each once"),
        ({"labels": ["calm", "calm"]}, "labels must be"),
        ({"labels": "calm"}, "labels must be"),
        ({"protocol": 3}, "protocol is no mapping"),
        ({"protocol": SAID | {"parts": {}}}, r"protocol\.parts\.train is missing; .*parts\.test is missing"),
        ({"calibration": {}}, r"calibration\.temperature is missing"),
        ({"test": [1]}, "test is no mapping"),
    ],
)
def test_metrics_of_another_shape_are_told_of(tmp_path, changed, why):
    path = plant(tmp_path / "run") / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    with pytest.raises(UserError, match=why):
        read_finished(tmp_path / "run")


def test_all_that_is_wrong_with_several_runs_is_told_together(tmp_path):
    runs = [plant(tmp_path / str(number)) for number in range(3)]
    (runs[0] / "metrics.json").write_text("{")
    (runs[0] / "config.yaml").write_text("")
    (runs[2] / "config.yaml").unlink()
    with pytest.raises(UserError) as told:
        read_all(runs)
    said = [runs[0] / "metrics.json", runs[0] / "config.yaml", runs[2]]
    assert [problem.split(" ")[0] for problem in told.value.problems] == list(map(str, said))
    assert [run.path for run in read_all([runs[1]])] == [runs[1]]


def test_predictions_of_other_classes_or_of_no_clip_are_told_of(tiny_run, tmp_path):
    shutil.copytree(tiny_run, tmp_path / "run")
    path = tmp_path / "run" / "metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps(metrics | {"labels": ["calm", "bored"]}))
    with pytest.raises(UserError, match=r"test\.csv has no column p_(calm|bored)"):
        read_finished(tmp_path / "run").predictions("test")
    path.write_text(json.dumps(metrics))
    table = tmp_path / "run" / "predictions" / "test.csv"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    with pytest.raises(UserError, match=r"test\.csv has no clips"):
        read_finished(tmp_path / "run").predictions("test")


def test_a_table_that_lost_its_end_is_told_of(tiny_run, tmp_path):
    folder = shutil.copytree(tiny_run, tmp_path / "run")
    path = folder / "predictions" / "test.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-2]) + "\n")
    with pytest.raises(
        UserError, match=rf"test.csv has {len(lines) - 3} clips, but metrics.json scores {len(lines) - 1}"
    ):
        read_finished(folder).predictions("test")


def test_the_folder_of_a_multirun_is_no_run(tmp_path):
    for job in ("0", "1"):
        plant(tmp_path / "sweep" / job)
    with pytest.raises(
        UserError, match=r"sweep is no run directory, but a folder with 2 of them; name one, .*sweep/0$"
    ):
        read_finished(tmp_path / "sweep")


def test_a_star_is_not_expanded_and_said_so(tmp_path):
    with pytest.raises(UserError, match=r"\(a \* is not expanded: leave it out\)"):
        find_runs([str(tmp_path / "*")])
