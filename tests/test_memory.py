"""Memory that really runs out ends with one message that says what to do."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

# The limit is set once everything is imported, so that what is refused is the batch.
LIMITED = """
import resource, sys
from pathlib import Path
import ser_lightning.run, ser_lightning.evaluation.report, ser_lightning.models.backbone, torchaudio
import ser_lightning.trainer, ser_lightning.data.module, ser_lightning.losses, ser_lightning.optimizers
from ser_lightning.train import train
from ser_lightning.cli import run_command
used = [int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmData" in line]
limit = (used[0] + 600_000) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
run_command(train, "train")
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the limit on a process's data is Linux's")
def test_running_out_of_memory_names_the_batch_size_and_smaller_ones(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for number in range(400):
        name = f"{number}.wav"
        soundfile.write(tmp_path / name, 0.1 * rng.standard_normal(1600), 16000)
        rows.append({"path": name, "emotion": ("angry", "sad")[number % 2], "speaker": f"s{number % 5}"})
    pl.DataFrame(rows).write_csv(tmp_path / "clips.csv")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            LIMITED,
            "corpus=table",
            f"corpus.root={tmp_path / 'clips.csv'}",
            f"cache_dir={tmp_path / 'cache'}",
            "data.batch_size=256",
            "data.window_seconds=3",
            "trainer=cpu",
            f"hydra.run.dir={tmp_path / 'run'}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "out of memory at data.batch_size=256" in done.stderr
    assert "data.batch_size=128 trainer.accumulate_grad_batches=2" in done.stderr
    assert "Traceback" not in done.stderr
