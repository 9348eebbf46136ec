"""From the command to the first optimizer step with a prepared store, over importing the libraries alone.

    python benchmarks/bench_startup.py --root DIR

Fresh processes in turn: one imports torch, torchaudio, timm and pytorch_lightning and ends; the other is the command,
and ends as its first optimizer step is done; both end at once. The store is prepared once before. Both keep their
bytecode, as anyone's second run does.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import machine, print_table, spread

IMPORTS = "import os, torch, torchaudio, timm, pytorch_lightning; os._exit(0)"
FIRST_STEP = """
import os, runpy, sys
from torch.optim.optimizer import register_optimizer_step_post_hook
register_optimizer_step_post_hook(lambda *_: os._exit(0))
runpy.run_module("ser_lightning.train", run_name="__main__", alter_sys=True)
"""


def run(code: str, arguments: list[str], folder: str) -> float:
    """Wall seconds of a fresh interpreter."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora/RAVDESS"))
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    if not arguments.root.is_dir():
        print(f"bench_startup: no RAVDESS at {arguments.root}; give --root")
        return
    command = ["corpus=ravdess", f"corpus.root={arguments.root.resolve()}"]
    imports, steps = [], []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(arguments.turns + 1):  # the first prepares the store, and does not count
            taken = run(IMPORTS, [], folder), run(FIRST_STEP, command, folder)
            if turn:
                imports.append(taken[0])
                steps.append(taken[1])
    over = [a - b for a, b in zip(steps, imports, strict=True)]
    print(f"{machine('pytorch-lightning', 'timm', 'hydra-core')}\n")
    rows = {
        "the libraries' imports": imports,
        "the command, to its first optimizer step": steps,
        "over the imports": over,
    }
    print_table(["", "seconds"], [[name, spread(values, digits=2)] for name, values in rows.items()])


if __name__ == "__main__":
    main()
