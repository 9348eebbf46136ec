"""Runs whose network is divided among two processes on the CPU learn what those with DDP do, and leave whole files."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

NETWORK = ("model.backbone=convnext_atto", "model.dropout=0.0", "data.batch_size=16", "optimizer.lr=1e-4")
LENGTH = ("trainer.max_epochs=10", "trainer.early_stopping_patience=null")


@pytest.fixture(scope="module")
def start(tiny_arguments, tone_corpus, tmp_path_factory):
    """Train in two processes, each with one thread; the run's folder."""
    folder = tmp_path_factory.mktemp("sharding")

    def run(name, *overrides):
        run_dir = folder / name
        arguments = [
            argument for argument in tiny_arguments(tone_corpus, folder, *overrides) if argument != "trainer=cpu"
        ]
        command = [sys.executable, "-m", "ser_lightning.train", *arguments, "trainer=ddp_cpu"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [*command, f"hydra.run.dir={run_dir}"], capture_output=True, text=True, env=environment, check=False
        )
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
