"""Runs whose network is divided among two processes on the CPU learn what those with DDP do, and leave whole files."""

import os
import subprocess
import sys
from signal import SIGKILL

import numpy as np
import polars as pl
import pytest
import torch

from ser_lightning.train import train
from ser_lightning.trained import load_trained
from test_distributed import predicted_by_one_process

NETWORK = ("model.backbone=convnext_atto", "model.dropout=0.0", "data.batch_size=16", "optimizer.lr=1e-4")
LENGTH = ("trainer.max_epochs=10", "trainer.early_stopping_patience=null")


@pytest.fixture(scope="module")
def command(tiny_arguments, tone_corpus, tmp_path_factory):
    """What trains in two processes, each with one thread: a command, the run's folder, an environment."""
    folder = tmp_path_factory.mktemp("sharding")

    def run(name, *overrides):
        run_dir = folder / name
        arguments = [
            argument for argument in tiny_arguments(tone_corpus, folder, *overrides) if argument != "trainer=cpu"
        ]
        arguments += ["trainer=ddp_cpu", f"hydra.run.dir={run_dir}"]
        return (
            [sys.executable, "-m", "ser_lightning.train", *arguments],
            run_dir,
            os.environ | {"OMP_NUM_THREADS": "1"},
        )

    return run


@pytest.fixture(scope="module")
def start(command):
    """Train to the end; the run's folder."""

    def run(name, *overrides):
        arguments, run_dir, environment = command(name, *overrides)
        done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return run_dir

    return run


@pytest.mark.slow
def test_a_divided_network_learns_what_whole_ones_learn(start):
    """10 epochs of one step."""
    whole = start("whole", *NETWORK, *LENGTH)
    divided = start("divided", "trainer.strategy=fsdp", *NETWORK, *LENGTH)
    logs = [pl.read_csv(folder / "log.csv") for folder in (whole, divided)]
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=0, atol=1e-4)
    assert len(logs[1]) == 10
    assert logs[1]["train_loss"][-1] < logs[1]["train_loss"][0]


@pytest.mark.slow
def test_each_process_holds_half_and_best_ckpt_is_whole(start, tmp_path):
    run_dir = start("halves", "trainer.strategy=fsdp", *NETWORK, "trainer.max_epochs=2")
    trained = load_trained(run_dir / "checkpoints" / "best.ckpt")
    state = torch.load(run_dir / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    assert all(type(value) is torch.Tensor for value in state.values())
    assert predicted_by_one_process(run_dir, tmp_path)["test"] == (run_dir / "predictions" / "test.csv").read_bytes()
    assert sum(p.numel() for p in trained.network.parameters()) > 3_000_000


@pytest.mark.slow
def test_a_killed_run_of_a_divided_network_ends_as_an_unbroken_one(start, command):
    overrides = ("trainer.strategy=fsdp", *NETWORK, "trainer.max_epochs=4", "data.batch_size=8")
    unbroken = start("unbroken", *overrides)
    arguments, run_dir, environment = command("killed", *overrides)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as run:
        for line in run.stdout:
            if line.startswith("epoch   2/4"):
                run.kill()
    assert run.returncode == -SIGKILL
    assert not (run_dir / "metrics.json").exists()
    start("killed", *overrides)
    drop = [name for name in pl.read_csv(unbroken / "log.csv").columns if "second" in name or "memory" in name]
    logs = [pl.read_csv(folder / "log.csv").drop(drop) for folder in (unbroken, run_dir)]
    assert logs[0].equals(logs[1])
    for part in ("train", "val", "test"):
        files = [(folder / "predictions" / f"{part}.csv").read_bytes() for folder in (unbroken, run_dir)]
        assert files[0] == files[1]


def test_what_a_divided_network_cannot_do_is_refused_at_once(tiny_arguments, tone_corpus, tmp_path, run_job):
    keys = ("trainer.strategy=fsdp", "model.freeze_epochs=1", "trainer.compile=default", "trainer.precision=16-mixed")
    refused = run_job(train, "train", tiny_arguments(tone_corpus, tmp_path, *keys, f"hydra.run.dir={tmp_path / 'run'}"))
    assert refused.code == 2
    said = " ".join(refused.err.split())
    for about in ("this run has one", "model.freeze_epochs=1", "trainer.compile=default", "trainer.precision=16-mixed"):
        assert about in said
