"""A search as a command: killed and started again it has exactly its trials, and its best config trains."""

import json
import os
import signal
import subprocess
import sys

import optuna
import pytest
import yaml

from ser_lightning.run_state import config_hash, read_config
from ser_lightning.train import train

OVERRIDES = ("+sweep=search", "name=s")


@pytest.fixture
def command(tiny_arguments, tone_corpus, tmp_path):
    """The words of a search of tiny runs: `command(*overrides)`."""

    def words(*overrides):
        arguments = tiny_arguments(tone_corpus, tmp_path, *OVERRIDES, *overrides)
        return [sys.executable, "-m", "ser_lightning.train", "-m", *arguments]

    return words


@pytest.fixture
def search(command, tmp_path):
    """Run a search to its end in a process of its own."""

    def run(*overrides):
        return subprocess.run(
            command(*overrides), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500
        )

    return run


def study(folder):
    return optuna.load_study(study_name="s", storage=f"sqlite:///{folder / 'multirun' / 's' / 'study.db'}")


def finished(folder):
    return sorted(path.parts[-2] for path in (folder / "multirun" / "s").glob("*/metrics.json"))


@pytest.mark.slow
def test_twelve_trials_by_two_workers_killed_on_the_way_are_twelve(command, search, tmp_path, run_job, monkeypatch):
    words = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "hydra.sweeper.n_trials=12")
    words += ("hydra.sweeper.pruner.name=none",)
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command(*words), cwd=tmp_path, start_new_session=True, **pipe) as process:
        ends = (line for line in process.stdout if "report: " in line)
        assert [next(ends, None) is not None for _ in range(3)] == [True] * 3
        os.killpg(process.pid, signal.SIGKILL)
    before = {trial.number: trial.params for trial in study(tmp_path).trials}
    assert 3 <= len(before) < 12

    done = search(*words)
    assert done.returncode == 0, done.stderr
    trials = study(tmp_path).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 12
    assert len({tuple(sorted(trial.params.items())) for trial in trials}) == 12
    assert {number: trials[number].params for number in before} == before
    assert len(finished(tmp_path)) == 12
    assert "=== search s: 12 of 12 trials" in done.stdout
    assert "protocol: " in done.stdout

    assert search(*words).stdout.count("epoch ") == 0  # nothing is left to do

    monkeypatch.chdir(tmp_path)
    best = study(tmp_path).best_trial.number
    arguments = ["--config-dir", "multirun/s", "+experiment=best", "hydra.run.dir=best"]
    assert run_job(train, "train", arguments).code == 0
    found, expected = (read_config(tmp_path / name) for name in ("best", f"multirun/s/{best}"))
    assert found.pop("name") == expected.pop("name") + "_best"
    assert config_hash(found) == config_hash(expected)


@pytest.mark.slow
def test_a_hopeless_trial_ends_early(search, tmp_path):
    """Of the three learning rates one moves nothing."""
    words = ("hydra.sweeper.n_trials=6", "trainer.max_epochs=6", "data.batch_size=8", "model.dropout=0.1,0.2")
    words += ("optimizer.lr=1e-3,3e-3,1e-30", "+hydra.sweeper.sampler.n_startup_trials=3")
    words += ("+hydra.sweeper.pruner.n_startup_trials=1",)
    done = search(*words)
    assert done.returncode == 0, done.stderr
    states = {trial.number: trial.state.name for trial in study(tmp_path).trials if "repeats" not in trial.user_attrs}
    assert sorted(states.values()).count("COMPLETE") + sorted(states.values()).count("PRUNED") == 6
    pruned = [number for number, state in states.items() if state == "PRUNED"]
    assert pruned
    for number in pruned:
        folder = tmp_path / "multirun" / "s" / str(number)
        epoch = json.loads((folder / "pruned.json").read_text())["epoch"]
        assert epoch < 6
        assert len((folder / "log.csv").read_text().splitlines()) == 1 + epoch
        assert not (folder / "metrics.json").exists()
    assert "pruned after epoch" in done.stdout
    assert search(*words).stdout.count("epoch ") == done.stdout.count("pruned after epoch")


@pytest.mark.slow
def test_two_objectives_leave_a_config_for_each_of_their_front(search, tmp_path):
    words = ("hydra.sweeper.n_trials=3", "hydra.sweeper.pruner.name=none")
    words += ("+hydra.sweeper.objectives={val.ece: minimize}", "trainer=debug")
    words += ("hydra.sweeper.sampler.name=nsga2",)
    done = search(*words)
    assert done.returncode == 0, done.stderr
    front = study(tmp_path).best_trials
    names = {path.stem for path in (tmp_path / "multirun" / "s" / "experiment").iterdir()}
    assert names == ({f"best_{trial.number}" for trial in front} if len(front) > 1 else {"best"})


def test_all_mistakes_are_told_before_any_trial(run_job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "-m",
        "+sweep=search",
        "hydra.sweeper.n_trials=0",
        "hydra.sweeper.sampler.name=tpee",
        "data.batch_size=8,-1",
    ]
    words += ["+hydra.sweeper.objectives={test.accuracy: maximize}", "+hydra.sweeper.pruner.n_warmup_steps=-1"]
    done = run_job(train, "train", words)
    assert done.code == 2
    for part in (
        "n_trials",
        "no such sampler; did you mean 'tpe'",
        "data.batch_size=-1",
        "no honest test score",
        "warmup",
    ):
        assert part in done.err
    assert not (tmp_path / "multirun" / "search" / "0").exists()


def test_the_example_of_wandbs_agent_is_a_command_of_ours(tmp_path):
    """Its command with one value of each parameter composes to a config with these values."""
    from hydra import compose, initialize_config_dir

    from ser_lightning.cli import conf_dir

    sweep = yaml.safe_load((conf_dir().parent / "docs" / "wandb_sweep.yaml").read_text())
    values = {key: node.get("min", node.get("values", [None])[0]) for key, node in sweep["parameters"].items()}
    words = [word for word in sweep["command"] if not word.startswith("${")]
    assert words[:3] == ["python", "-m", "ser_lightning.train"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", [*words[3:], *(f"{key}={value}" for key, value in values.items())])
    for key, value in values.items():
        node = config
        for part in key.split("."):
            node = node[part]
        assert node == value
    assert "wandb" in config.logger
