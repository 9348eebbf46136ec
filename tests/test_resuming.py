"""Runs that are stopped by a signal, or killed, and go on: they end as the one that was left in peace."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch
import yaml

from ser_lightning.checkpoints import WholeFiles
from ser_lightning.stopping import requeue
from ser_lightning.task import EmotionTask
from ser_lightning.train import train

SAME = ("log.csv", "split.csv", "metrics.json", "predictions/train.csv", "predictions/val.csv", "predictions/test.csv")
KILLS = Path(__file__).parent.parent / "benchmarks" / "kill_and_resume.py"


@pytest.fixture(scope="module")
def command(tiny_arguments, tone_corpus, tmp_path_factory):
    """Overrides of the runs here; their audio is prepared once."""
    return tiny_arguments(tone_corpus, tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def signalled(monkeypatch):
    """Send a signal to this process at the n-th call of a step: `signalled("training_step", 3, SIGTERM)`."""

    def plant(step, number, kind):
        function, calls = getattr(EmotionTask, step), []

        def counted(self, *args):
            calls.append(step)
            if len(calls) == number:
                os.kill(os.getpid(), kind)
            return function(self, *args)

        monkeypatch.setattr(EmotionTask, step, counted)

    return plant


def position(run_dir):
    last = torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    return last["epoch"], last["position"]["batch"], last["global_step"]


def same(one, other):
    return [name for name in SAME if (one / name).read_bytes() != (other / name).read_bytes()]


# The training part has 36 clips: 4 steps of 8 an epoch, and 2 epochs. Position: epoch, batches of it, all steps.
@pytest.mark.parametrize(
    ("step", "number", "kind", "saved"),
    [
        ("training_step", 2, signal.SIGTERM, (0, 2, 2)),
        ("training_step", 4, signal.SIGINT, (0, 4, 4)),  # the last of an epoch: validation is still to come
        ("validation_step", 2, signal.SIGUSR1, (0, 4, 4)),
        ("training_step", 6, signal.SIGTERM, (1, 2, 6)),
    ],
)
def test_a_signal_saves_between_steps_and_the_run_goes_on(
    command, tiny_run, tmp_path, run_job, signalled, monkeypatch, step, number, kind, saved
):
    run_dir = tmp_path / "run"
    signalled(step, number, kind)
    stopped = run_job(train, "train", [*command, f"hydra.run.dir={run_dir}"])
    assert stopped.code == 1
    assert f"stopped by {kind.name}; this run goes on with: python -m ser_lightning.train resume={run_dir}" in (
        stopped.err.replace("\n", "")
    )
    assert position(run_dir) == saved
    monkeypatch.undo()
    assert run_job(train, "train", [f"resume={run_dir}"]).code == 0
    assert same(tiny_run, run_dir) == []


def test_gradients_that_are_being_accumulated_are_used_before_it_stops(command, tmp_path, run_job, signalled):
    signalled("training_step", 1, signal.SIGTERM)
    arguments = [*command, "trainer.accumulate_grad_batches=2", f"hydra.run.dir={tmp_path / 'run'}"]
    assert run_job(train, "train", arguments).code == 1
    assert position(tmp_path / "run") == (0, 2, 1)


def test_a_second_signal_stops_at_once(command, tmp_path, run_job, monkeypatch):
    def twice(self, batch, batch_idx):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the second signal has ended the step")

    monkeypatch.setattr(EmotionTask, "training_step", twice)
    before = signal.getsignal(signal.SIGTERM)
    stopped = run_job(train, "train", [*command, f"hydra.run.dir={tmp_path / 'run'}"])
    assert stopped.code == 1
    assert not (tmp_path / "run" / "checkpoints" / "last.ckpt").exists()
    assert signal.getsignal(signal.SIGTERM) == before


def test_without_a_checkpoint_it_starts_over_and_what_was_half_written_is_removed(command, tiny_run, tmp_path, run_job):
    run_dir = tmp_path / "run"
    (run_dir / "checkpoints").mkdir(parents=True)
    shutil.copy(tiny_run / "config.yaml", run_dir)
    half = run_dir / "checkpoints" / ".last.ckpt.123.tmp"
    half.write_bytes(b"half")
    assert run_job(train, "train", [*command, f"hydra.run.dir={run_dir}"]).code == 0  # the command itself goes on too
    assert not half.exists()
    assert same(tiny_run, run_dir) == []


def test_a_finished_run_says_so(tiny_run, command, run_job):
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")}
    for arguments in ([f"resume={tiny_run}"], [*command, f"hydra.run.dir={tiny_run}"]):
        again = run_job(train, "train", arguments)
        assert again.code == 0
        assert again.out.replace("\n", "") == f"{tiny_run} holds this run, finished: nothing is left to do"
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*")} == before


def test_another_run_is_not_overwritten(tiny_run, command, run_job):
    refused = run_job(train, "train", [*command, "seed=1", f"hydra.run.dir={tiny_run}"])
    assert refused.code == 2
    assert "holds a run of another configuration" in refused.err.replace("\n", " ")


def test_more_epochs_open_a_finished_run_again(command, tiny_run, tmp_path, run_job):
    run_dir = shutil.copytree(tiny_run, tmp_path / "run")
    assert run_job(train, "train", [f"resume={run_dir}", "trainer.max_epochs=3"]).code == 0
    before, after = (pl.read_csv(folder / "log.csv") for folder in (tiny_run, run_dir))
    assert after["epoch"].to_list() == [1, 2, 3]
    assert after[:2].equals(before)
    assert yaml.safe_load((run_dir / "config.yaml").read_text())["trainer"]["max_epochs"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trainer.max_epochs=1"], "has trained 2 epochs already"),
        (["trainer.max_epochs=many"], "a number of epochs is needed"),
        (["seed=1", "model=effb0"], "- seed=1: resume= takes everything from the run"),
        (["seed=1", "model=effb0"], "- model=effb0: resume= takes everything from the run"),
        (["-m"], "resume= goes on with one run"),
    ],
)
def test_what_cannot_be_resumed_is_refused(tiny_run, tmp_path, run_job, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    refused = run_job(train, "train", [f"resume={tiny_run}", *arguments])
    assert refused.code == (1 if arguments == ["-m"] else 2)
    assert said in " ".join(refused.err.split())


def test_a_folder_without_a_run_is_refused_and_left_as_it_was(tmp_path, run_job):
    (tmp_path / "empty").mkdir()
    for name in ("none", "empty"):
        refused = run_job(train, "train", [f"resume={tmp_path / name}"])
        assert refused.code == 2
        assert "holds no run: there is no config.yaml in it" in " ".join(refused.err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_nothing_foreign_is_built_from_a_runs_folder(tiny_run, tmp_path, run_job):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    config = yaml.safe_load((tiny_run / "config.yaml").read_text())
    config["corpus"] = {"_target_": "os.mkdir", "path": str(tmp_path / "made")}
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config))
    refused = run_job(train, "train", [f"resume={run_dir}"])
    assert refused.code == 2
    assert "names os.mkdir" in " ".join(refused.err.split())
    assert not (tmp_path / "made").exists()


def test_a_corpus_that_has_changed_is_refused(tone_corpus, command, tiny_run, tmp_path, run_job):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    for name in ("config.yaml", "environment.json"):
        shutil.copy(tiny_run / name, run_dir)
    config = yaml.safe_load((run_dir / "config.yaml").read_text())
    fewer = tone_corpus.parent / "fewer.csv"
    pl.read_csv(tone_corpus)[:-1].write_csv(fewer)
    config["corpus"]["root"] = str(fewer)
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config))
    refused = run_job(train, "train", [f"resume={run_dir}"])
    assert refused.code == 2
    assert "began with other clips" in " ".join(refused.err.split())


def test_a_checkpoint_is_written_whole_and_read_as_plain_values(tmp_path):
    path, files = tmp_path / "folder" / "a.ckpt", WholeFiles()
    files.save_checkpoint({"tensor": torch.arange(3), "number": 0.5}, path)
    with pytest.raises(AttributeError, match="local object"):
        files.save_checkpoint({"function": lambda: None}, path)
    assert [other.name for other in path.parent.iterdir()] == ["a.ckpt"]
    read = files.load_checkpoint(path)
    assert read["tensor"].tolist() == [0, 1, 2]
    assert read["number"] == 0.5
    torch.save({"path": path}, path)  # a class of another package
    with pytest.raises(Exception, match="weights_only"):
        files.load_checkpoint(path)


@pytest.mark.parametrize(
    ("answer", "said"), [(0, "SLURM job 7_2 is requeued"), (3, "SLURM job 7_2 was not requeued: scontrol ended with 3")]
)
def test_slurm_is_asked_to_run_the_job_again(tmp_path, monkeypatch, answer, said):
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f"#!/bin/sh\necho $@ > {tmp_path}/asked\nexit {answer}\n")
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    job = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}
    assert requeue(job, signal.SIGUSR1) == said
    assert (tmp_path / "asked").read_text() == "requeue 7_2\n"


def test_slurm_is_not_asked_elsewhere_or_after_other_signals(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert requeue({}, signal.SIGUSR1) == ""
    assert requeue({"SLURM_JOB_ID": "9"}, signal.SIGTERM) == ""
    assert "SLURM job 9 was not requeued: " in requeue({"SLURM_JOB_ID": "9"}, signal.SIGUSR1)


@pytest.mark.slow
def test_a_run_killed_three_times_is_the_same_bit_for_bit():
    done = subprocess.run([sys.executable, KILLS, "--kills", "3"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the same, bit for bit" in done.stdout
    assert done.stdout.count("killed\n") == 3
