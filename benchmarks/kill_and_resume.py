"""A run that is killed again and again, and goes on each time, against one that is left in peace: are they the same?

    python benchmarks/kill_and_resume.py                     ten kills of a small run on the synthetic corpus
    python benchmarks/kill_and_resume.py --kills 100 --seed 1 -- data.workers=2 trainer.accumulate_grad_batches=2

The moments are drawn from the seed: while audio is prepared, in a step, while a checkpoint is being written, in
validation, in the test, in its report, and after some seconds wherever the run then is. What follows `--` is added to
the overrides. Weights, optimizer, predictions, scores and log are compared bit for bit; it exits with 1 if they differ.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

MOMENTS = {
    "prepare": 9,
    "step": 25,
    "checkpoint": 12,
    "validation": 6,
    "test": 3,
    "metrics": 1,
    "report": 1,
    "seconds": 20,
}
"""Where a kill may come, and the highest number of the call, or of seconds."""
OVERRIDES = (
    *("corpus=synthetic", "corpus.num_speakers=5", "corpus.num_texts=4", "model.backbone=test_resnet", "trainer=cpu"),
    *("data.window_seconds=1.0", "data.batch_size=8", "trainer.max_epochs=3", "trainer.checkpoint_steps=2"),
)
SAME_FILES = ("log.csv", "split.csv", "metrics.json", *(f"predictions/{part}.csv" for part in ("train", "val", "test")))
STATE = ("state_dict", "optimizer_states", "lr_schedulers", "training_sums")


def moments(seed: int) -> Iterator[tuple[str, str]]:
    """Moments without end, each stage as often, in an order drawn from the seed."""
    draw = random.Random(seed)
    while True:
        for name in draw.sample(list(MOMENTS), len(MOMENTS)):
            highest = MOMENTS[name]
            yield name, f"{draw.uniform(0, highest):.2f}" if name == "seconds" else str(draw.randint(1, highest))


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run to its end, whichever it is."""
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


def differences(one: Path, other: Path) -> list[str]:
    """What of two runs is not the same, bit for bit."""
    files = [name for name in SAME_FILES if (one / name).read_bytes() != (other / name).read_bytes()]
    for name in ("best.ckpt", "last.ckpt"):
        a, b = (torch.load(folder / "checkpoints" / name, weights_only=True) for folder in (one, other))
        files += [f"{name}: {key}" for key in STATE if not equal(a.get(key), b.get(key))]
    return files


def equal(a: Any, b: Any) -> bool:
    """Whether plain values and tensors, at any depth, are the same bit for bit."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def killed_again_and_again(folder: Path, kills: int, seed: int, overrides: Sequence[str]) -> list[Path]:
    """Kill a run so often, go on with it each time, and let it end; the runs that ended.

    Where it ends before the moment comes, a new one begins.
    """
    runs, planned = [folder / "killed0"], moments(seed)
    while kills:
        moment, count = next(planned)
        killed = run([str(Path(__file__).with_name("killed_run.py")), moment, count, *command(runs[-1], overrides)])
        assert killed.returncode in (0, -signal.SIGKILL), killed.stderr
        print(f"{moment:<10} {count:>6}  {'killed' if killed.returncode else 'ended before'}", flush=True)
        kills -= killed.returncode != 0
        if not killed.returncode:
            runs.append(folder / f"killed{len(runs)}")
    done = run(["-m", "ser_lightning.train", *command(runs[-1], overrides)])
    assert done.returncode == 0, done.stderr
    return runs


def command(run_dir: Path, overrides: Sequence[str]) -> list[str]:
    """The overrides that begin the run of a folder, or go on with it."""
    if (run_dir / "config.yaml").exists():
        return [f"resume={run_dir}"]
    return [*overrides, f"hydra.run.dir={run_dir}", f"cache_dir={run_dir}_cache"]


def main() -> int:
    """Print each kill, and what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("overrides", nargs="*")
    asked = parser.parse_args()
    overrides = [*OVERRIDES, *asked.overrides]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = folder / "whole"
        done = run(["-m", "ser_lightning.train", *command(whole, overrides)])
        assert done.returncode == 0, done.stderr
        ended = killed_again_and_again(folder, asked.kills, asked.seed, overrides)
        found = [f"{path.name}: {difference}" for path in ended for difference in differences(whole, path)]
    print("\n".join(found) or f"the same, bit for bit: {len(ended)} run{'s' * (len(ended) > 1)}, {asked.kills} kills")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
