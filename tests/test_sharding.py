"""Runs whose network is divided among two processes on the CPU learn what those with DDP do, and leave whole files."""

import json
import os
import subprocess
import sys
from pathlib import Path
from signal import SIGKILL

import numpy as np
import polars as pl
import pytest
import timm
import torch

from ser_lightning.sharding import blocks
from ser_lightning.train import train
from ser_lightning.trained import load_trained

PARTS = ("train", "val", "test")
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
    """Train to the end; the run's folder, and what was said."""

    def run(name, *overrides):
        arguments, run_dir, environment = command(name, *overrides)
        done = subprocess.run(arguments, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return run_dir, done.stdout

    return run


@pytest.mark.slow
def test_a_divided_network_learns_what_whole_ones_learn(start):
    """10 epochs of one step."""
    whole, _ = start("whole", *NETWORK, *LENGTH)
    divided, said = start("divided", "trainer.strategy=fsdp", *NETWORK, *LENGTH)
    logs = [pl.read_csv(folder / "log.csv") for folder in (whole, divided)]
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(logs[0][name], logs[1][name], rtol=0, atol=1e-4)
    assert len(logs[1]) == 10
    assert said.count("epoch   1/10") == said.count("Test, by class") == 1
    assert logs[1]["train_loss"][-1] < logs[1]["train_loss"][0]


@pytest.mark.slow
@pytest.mark.parametrize("other", [(), ("model.backbone=test_resnet", "trainer.precision=bf16-mixed")])
def test_best_ckpt_is_one_whole_file_that_predicts_the_same(start, tmp_path, predicted_by_one_process, other):
    """The second network has batch statistics."""
    run_dir, _ = start(f"file{len(other)}", "trainer.strategy=fsdp", *NETWORK, "trainer.max_epochs=2", *other)
    path = run_dir / "checkpoints" / "best.ckpt"
    assert load_trained(run_dir).labels
    state = torch.load(path, weights_only=True)["state_dict"]
    assert {type(value) for value in state.values()} == {torch.Tensor}
    files = {part: (run_dir / "predictions" / f"{part}.csv").read_bytes() for part in PARTS}
    assert files == predicted_by_one_process(run_dir, tmp_path)


@pytest.mark.parametrize(
    ("name", "num_blocks"), [("eva_giant_patch14_224", 40), ("vit_tiny_patch16_224", 12), ("test_resnet", 1)]
)
def test_blocks_of_a_backbone_are_gathered_one_by_one(name, num_blocks):
    with torch.device("meta"):
        found = blocks(timm.create_model(name))
    assert len(found) == num_blocks
    assert len({type(block) for block in found}) <= 1


@pytest.mark.slow
def test_each_of_two_processes_holds_half_of_everything(tmp_path):
    script = Path(__file__).with_name("sharded_process.py")
    running = [
        subprocess.Popen([sys.executable, script, str(rank), "2", tmp_path], stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    first, second = (json.loads(process.communicate()[0]) for process in running)
    assert first["whole"] > 3_000_000
    for kind in ("parameters", "gradients", "averages"):
        assert first[kind] + second[kind] == first["whole"]
        assert second[kind] == pytest.approx(first["whole"] / 2, rel=0.01)


@pytest.mark.slow
def test_a_killed_run_of_a_divided_network_ends_as_an_unbroken_one(start, command):
    overrides = ("trainer.strategy=fsdp", *NETWORK, "trainer.max_epochs=4", "data.batch_size=8")
    unbroken, _ = start("unbroken", *overrides)
    arguments, run_dir, environment = command("killed", *overrides)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as run:
        for line in run.stdout:
            if line.startswith("epoch   2/4"):
                run.kill()
    assert run.returncode == -SIGKILL
    assert not (run_dir / "metrics.json").exists()
    assert (run_dir / "checkpoints" / "last.ckpt").exists()
    _, said = start("killed", *overrides)
    assert "going on after epoch" in said
    for name in ("log.csv", "metrics.json", *(f"predictions/{part}.csv" for part in PARTS)):
        assert (run_dir / name).read_bytes() == (unbroken / name).read_bytes(), name


def test_what_a_divided_network_cannot_do_is_refused_at_once(tiny_arguments, tone_corpus, tmp_path, run_job):
    keys = ("trainer.strategy=fsdp", "model.freeze_epochs=1", "trainer.compile=default", "trainer.precision=16-mixed")
    refused = run_job(train, "train", tiny_arguments(tone_corpus, tmp_path, *keys, f"hydra.run.dir={tmp_path / 'run'}"))
    assert refused.code == 2
    said = " ".join(refused.err.split())
    for about in ("this run has one", "model.freeze_epochs=1", "trainer.compile=default", "trainer.precision=16-mixed"):
        assert about in said
