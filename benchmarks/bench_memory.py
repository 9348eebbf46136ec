"""Peak host memory of a training run over what importing the libraries takes, with data.resident=false.

    python benchmarks/bench_memory.py --root DIR

The run is whole: preparing (in the first of them), an epoch, predictions of all parts, scores, report. Fresh processes;
the peak is the kernel's own count of resident memory (ru_maxrss), which mapped pages of the store are part of.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import machine, print_table

PEAK = "\nimport resource, sys; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
IMPORTS = "import torch, torchaudio, timm, pytorch_lightning"
TRAIN = 'import runpy; runpy.run_module("ser_lightning.train", run_name="__main__", alter_sys=True)'


def peak_mb(code: str, arguments: list[str], folder: str) -> float:
    """Peak resident memory of a fresh interpreter, in MB of 10^6 bytes."""
    done = subprocess.run(
        [sys.executable, "-c", code + PEAK, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return int(done.stderr.split()[-1]) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora/RAVDESS"))
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "efficientnet_b0"])
    arguments = parser.parse_args()
    if not arguments.root.is_dir():
        print(f"bench_memory: no RAVDESS at {arguments.root}; give --root")
        return
    command = ["corpus=ravdess", f"corpus.root={arguments.root.resolve()}"]
    command += ["data.resident=false", "trainer.max_epochs=1"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        alone = peak_mb(IMPORTS, [], folder)
        rows.append(["the libraries' imports", f"{alone:.0f}", "-"])
        first = arguments.backbones[0]
        runs = [(first, "prepared anew"), *((backbone, "store there") for backbone in arguments.backbones)]
        for backbone, store in runs:
            peak = peak_mb(TRAIN, [*command, f"model.backbone={backbone}"], folder)
            rows.append([f"train, {backbone}, {store}", f"{peak:.0f}", f"{peak - alone:.0f}"])
    print(f"{machine('torch', 'pytorch-lightning', 'polars')}\n")
    print_table(["process", "peak, MB", "over the imports, MB"], rows)


if __name__ == "__main__":
    main()
