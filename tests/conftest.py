"""Fixtures of several test files."""

import contextlib
import io
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import soundfile
import torch
from hydra.core.global_hydra import GlobalHydra

from ser_lightning.build import build_data, build_training
from ser_lightning.cli import run_command
from ser_lightning.results import calibrate, predict_parts
from ser_lightning.run_state import read_config
from ser_lightning.train import train

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=40)
hypothesis.settings.load_profile("repeatable")


RATE = 16000
SPEAKERS = ("ann", "ben", "cat", "dan", "eve")


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def run_job():
    """Run a command as the shell would, in this process: `run_job(train, "train", [overrides])`."""

    def run(job, config_name, arguments):
        out, err = io.StringIO(), io.StringIO()
        before = sys.argv
        sys.argv = [f"ser_lightning.{config_name}", *arguments]
        code = 0
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
                run_command(job, config_name)
        except SystemExit as stop:
            code = stop.code
        finally:
            sys.argv = before
            GlobalHydra.instance().clear()
        return Done(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def write_noise() -> Callable[..., npt.NDArray[np.int16]]:
    """Write seeded noise to a file and give its samples: `write_noise(path, seed=1, seconds=0.3, rate=16000)`."""

    def write(path: Path, *, seed: int = 0, seconds: float = 0.2, rate: int = 16000) -> npt.NDArray[np.int16]:
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(seed).integers(-8000, 8000, round(seconds * rate), dtype=np.int16)
        soundfile.write(path, samples, rate)
        return samples

    return write


@pytest.fixture(scope="session")
def shared_corpora() -> Callable[[str], Path]:
    """The folder of a real corpus beside the repository, by its name; skips the test where it is not there."""

    def find(name: str) -> Path:
        folder = Path(__file__).parents[2] / "shared" / "corpora" / name
        if not folder.is_dir():
            pytest.skip(f"the real {name} is not at {folder}")
        return folder

    return find


@pytest.fixture(scope="session")
def tone_corpus(tmp_path_factory) -> Path:
    """A table of 60 tones whose pitch tells the emotion (angry, sad, neutral), in noise; 0.3 to 0.9 s, 5 speakers."""
    folder = tmp_path_factory.mktemp("tones")
    rng = np.random.default_rng(0)
    rows = []
    for speaker in SPEAKERS:
        for number, emotion in enumerate(("angry", "sad", "neutral")):
            for take in range(4):
                time = np.arange(int(RATE * rng.uniform(0.3, 0.9))) / RATE
                tone = 0.3 * np.sin(2 * np.pi * (400 + 600 * number) * time)
                name = f"{speaker}_{emotion}_{take}.wav"
                soundfile.write(folder / name, tone + 0.01 * rng.standard_normal(len(time)), RATE)
                rows.append({"path": name, "emotion": emotion, "speaker": speaker, "text": f"t{take}"})
    pl.DataFrame(rows).write_csv(folder / "clips.csv")
    return folder / "clips.csv"


@pytest.fixture(scope="session")
def tiny_arguments() -> Callable[..., list[str]]:
    """Overrides of a run of seconds: `tiny_arguments(table, folder_of_its_cache, *more)`."""

    def arguments(corpus: Path, folder: Path, *more: str) -> list[str]:
        return [
            "corpus=table",
            f"corpus.root={corpus}",
            f"cache_dir={folder / 'cache'}",
            "model.backbone=test_resnet",
            "trainer=cpu",
            "trainer.precision=32-true",
            "trainer.max_epochs=2",
            "data.window_seconds=0.4",
            "data.batch_size=8",
            *more,
        ]

    return arguments


@pytest.fixture(scope="session")
def tiny_run(tone_corpus, tiny_arguments, tmp_path_factory, run_job) -> Path:
    """The directory of a finished run on the tones, which no test may change."""
    folder = tmp_path_factory.mktemp("finished")
    run_dir = folder / "run"
    assert run_job(train, "train", tiny_arguments(tone_corpus, folder, f"hydra.run.dir={run_dir}")).code == 0
    return run_dir


@pytest.fixture(scope="session")
def predicted_by_one_process():
    """The prediction files of a run's best checkpoint, as one process with one thread writes them."""

    def predicted(run_dir, folder):
        shutil.copytree(run_dir / "checkpoints", folder / "checkpoints")
        config = read_config(run_dir)
        config["trainer"] |= {"devices": 1, "strategy": "auto"}
        data = build_data(config)
        task, module, _, _ = build_training(config, data, folder)
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        found = predict_parts(
            task.network, module, folder, num_classes=len(data.labels), device=torch.device("cpu"), debug=False
        )
        torch.set_num_threads(threads)
        calibrate(found, data, folder)
        return {part: (folder / "predictions" / f"{part}.csv").read_bytes() for part in ("train", "val", "test")}

    return predicted
