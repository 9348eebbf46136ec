"""Fixtures of several test files."""

import contextlib
import io
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hydra.core.global_hydra import GlobalHydra

from ser_lightning.cli import run_command

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=40)
hypothesis.settings.load_profile("repeatable")


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
