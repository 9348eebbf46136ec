"""Multiruns as commands: what is finished is not run again, and a job that fails stops no other."""

import os
import subprocess
import sys

import pytest


@pytest.fixture
def multirun(tiny_arguments, tone_corpus, tmp_path):
    """Run a multirun of one epoch a job in a process of its own: `multirun(*overrides)`."""

    def run(*overrides):
        arguments = tiny_arguments(tone_corpus, tmp_path, "trainer=debug", "name=m", *overrides)
        command = [sys.executable, "-m", "ser_lightning.train", "-m", *arguments]
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment, timeout=300
        )

    return run


def _finished(folder):
    return {path.parts[-3]: path.stat().st_mtime_ns for path in (folder / "multirun" / "m").glob("*/report/index.html")}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_failed_job_is_named_and_the_same_command_runs_only_what_is_missing(multirun, tmp_path, launcher):
    first = multirun(f"hydra/launcher={launcher}", "seed=0,1", "optimizer.lr=1e-3,-1")
    assert first.returncode == 1
    assert "2 of 4 jobs failed:\n  job 1: seed=0 optimizer.lr=-1\n" in first.stderr
    assert "=== all finished runs of multirun/m" in first.stdout
    before = _finished(tmp_path)
    assert set(before) == {"0", "2"}

    second = multirun(f"hydra/launcher={launcher}", "seed=0,1,2", "optimizer.lr=1e-3,-1,3e-4")
    assert second.returncode == 1
    assert second.stdout.count("finished already, in multirun/m/") == 2
    assert "3 of 9 jobs failed:" in second.stderr
    after = _finished(tmp_path)
    assert len(after) == 6
    assert before.items() <= after.items()


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["submitit_local", "ray"])
def test_other_launchers_run_four_jobs_to_the_end(multirun, tmp_path, launcher):
    done = multirun(f"hydra/launcher={launcher}", "seed=0,1", "optimizer.lr=1e-3,3e-4")
    assert done.returncode == 0, done.stderr
    assert set(_finished(tmp_path)) == {"0", "1", "2", "3"}


@pytest.mark.slow
def test_two_processes_prepare_a_corpus_once(tiny_arguments, tone_corpus, tmp_path):
    def start(seed):
        arguments = tiny_arguments(tone_corpus, tmp_path, "trainer=debug", f"hydra.run.dir={seed}", f"seed={seed}")
        command = [sys.executable, "-m", "ser_lightning.train", *arguments]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    both = [start(seed) for seed in (1, 2)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len([path for path in (tmp_path / "cache").iterdir() if path.is_dir()]) == 1
