"""Runs of several processes on the CPU: their scores are those of one process, and so is what they learn."""

import json
import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from ser_lightning.errors import UserError
from ser_lightning.processes import Started
from ser_lightning.strategy import Spread, choose_spread
from ser_lightning.train import train

PARTS = ("train", "val", "test")


@pytest.fixture(scope="module")
def start(tiny_arguments, tone_corpus, tmp_path_factory):
    """Train in processes of their own, each with one thread; the run's folder."""
    folder = tmp_path_factory.mktemp("distributed")

    def run(name, *overrides):
        run_dir = folder / name
        command = [sys.executable, "-m", "ser_lightning.train", *tiny_arguments(tone_corpus, folder, *overrides)]
        command = [argument for argument in command if argument != "trainer=cpu"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [*command, f"hydra.run.dir={run_dir}"], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return run_dir, done.stdout

    return run


@pytest.fixture(scope="module")
def fixed_split(tone_corpus, tmp_path_factory):
    """A file that puts 2 clips in val and 7 in test."""
    path = tmp_path_factory.mktemp("fixed") / "split.csv"
    clips = pl.read_csv(tone_corpus)
    names = ("table/" + clips["speaker"] + "/" + clips["path"].str.strip_suffix(".wav")).to_list()
    parts = ["val"] * 2 + ["test"] * 7 + ["train"] * (len(names) - 9)
    pl.DataFrame({"clip": names, "part": parts}).write_csv(path)
    return path


@pytest.mark.slow
def test_two_processes_score_every_clip_once_and_as_one_process_does(start, tmp_path, predicted_by_one_process):
    run_dir, said = start("two", "trainer=ddp_cpu", "data.batch_size=5")
    assert "effective batch: 2 processes x 5 clips x 1 step = 10" in said
    assert said.count("Leak check") == said.count("epoch   1/2") == said.count("Test, by class") == 1
    sizes = [len(pl.read_csv(run_dir / "predictions" / f"{part}.csv")) for part in PARTS]
    assert sizes == [36, 12, 12]
    by_one = predicted_by_one_process(run_dir, tmp_path)
    assert {part: (run_dir / "predictions" / f"{part}.csv").read_bytes() for part in PARTS} == by_one
    log, metrics = pl.read_csv(run_dir / "log.csv"), json.loads((run_dir / "metrics.json").read_text())
    assert metrics["val"]["balanced_accuracy"] == pytest.approx(log["val_balanced_accuracy"].max(), abs=1e-6)


@pytest.mark.slow
def test_three_processes_over_parts_of_odd_sizes_one_of_two_clips(
    start, fixed_split, tmp_path, predicted_by_one_process
):
    overrides = ("split=fixed", f"split.file={fixed_split}", "leaks=warn", "data.batch_size=3")
    run_dir, _ = start("three", "trainer=ddp_cpu", "trainer.devices=3", *overrides)
    sizes = [len(pl.read_csv(run_dir / "predictions" / f"{part}.csv")) for part in PARTS]
    assert sizes == [51, 2, 7]
    by_one = predicted_by_one_process(run_dir, tmp_path)
    assert {part: (run_dir / "predictions" / f"{part}.csv").read_bytes() for part in PARTS} == by_one


@pytest.mark.slow
def test_two_processes_learn_what_one_learns_from_the_same_global_batches(start):
    """20 epochs of one step: 36 training clips, of which an epoch draws 32."""
    overrides = ("model.backbone=convnext_atto", "model.dropout=0.0", "trainer.max_epochs=20")
    overrides += ("trainer.early_stopping_patience=null", "optimizer.lr=1e-4")
    two, _ = start("small", "trainer=ddp_cpu", "data.batch_size=16", *overrides)
    one, _ = start("large", "trainer=cpu", "trainer.devices=1", "data.batch_size=32", *overrides)
    logs = [pl.read_csv(folder / "log.csv") for folder in (two, one)]
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=0, atol=1e-4)
    assert len(logs[0]) == 20
    assert logs[0]["train_loss"][-1] < logs[0]["train_loss"][0]


@pytest.mark.slow
def test_a_frozen_backbone_thaws_in_every_process(start):
    run_dir, _ = start("frozen", "trainer=ddp_cpu", "model.freeze_epochs=1")
    assert pl.read_csv(run_dir / "log.csv")["epoch"].to_list() == [1, 2]


@pytest.mark.slow
def test_each_job_of_a_multirun_has_its_own_processes(tiny_arguments, tone_corpus, tmp_path):
    arguments = tiny_arguments(tone_corpus, tmp_path, "trainer.max_epochs=1", "name=pairs", "seed=0,1")
    command = [sys.executable, "-m", "ser_lightning.train", *arguments, "trainer=ddp_cpu", "-m"]
    command.remove("trainer=cpu")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    finished = sorted(path.parent.name for path in tmp_path.glob("multirun/pairs/*/metrics.json"))
    assert finished == ["0", "1"]


def test_batch_norm_cannot_be_synchronised_on_the_cpu(tiny_arguments, tone_corpus, tmp_path, run_job):
    run_dir = tmp_path / "run"
    arguments = tiny_arguments(tone_corpus, tmp_path, "trainer.sync_batchnorm=true", f"hydra.run.dir={run_dir}")
    refused = run_job(train, "train", arguments)
    assert refused.code == 2
    assert "torch synchronises batch-norm on GPUs only" in " ".join(refused.err.split())
    assert not run_dir.exists()


@pytest.mark.parametrize(
    ("place", "keys", "spread"),
    [
        (None, {}, Spread(False, 1, 1, "auto", False)),
        (None, {"devices": 2}, Spread(False, 2, 1, "ddp", False)),
        (Started(4, 2), {"strategy": "ddp"}, Spread(False, 4, 2, "ddp", False)),
    ],
)
def test_how_a_run_is_spread(place, keys, spread):
    assert choose_spread(place, accelerator="cpu", **keys) == spread


@pytest.mark.parametrize(
    ("place", "keys", "said"),
    [
        (None, {"num_nodes": 2}, "srun with trainer=slurm, or torchrun"),
        (Started(4, 2), {"devices": 3}, "8 processes were started, 4 a machine, but trainer.devices=3"),
    ],
)
def test_processes_that_nobody_starts_are_refused(place, keys, said):
    with pytest.raises(UserError, match=said):
        choose_spread(place, accelerator="cpu", **keys)
