"""One clip of three seconds from wave to probabilities on one CPU thread: onnxruntime against the model in torch.

    python benchmarks/bench_onnx.py

The networks are untrained, which changes no time. Loading is not counted. Both are timed in turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import numpy.typing as npt
import torch

from measuring import in_turn, machine, print_table, ratios, spread
from ser_lightning.exported.model import WaveModel
from ser_lightning.exported.parity import as_wave, said
from ser_lightning.exported.programs import INPUT, OUTPUT, export_program, onnx_session, write_onnx
from ser_lightning.exported.quantized import quantize
from ser_lightning.frontend.frontend import Frontend
from ser_lightning.models.network import emotion_network
from ser_lightning.recognition.checkpoint import Trained

RATE, SECONDS = 16000, 3.0
LABELS = tuple("abcdefgh")


def measure(backbone: str, turns: int) -> list[str]:
    """A row of the table: one backbone."""
    frontend = Frontend(sample_rate=RATE)
    network = emotion_network(len(LABELS), frontend.image_shape(round(SECONDS * RATE)), backbone=backbone).eval()
    network.to(memory_format=torch.channels_last)
    trained = Trained(LABELS, RATE, SECONDS, 1.5, network, frontend)
    noise = np.random.default_rng(0).integers(-8000, 8000, (1, round(SECONDS * RATE)), dtype=np.int16)
    wave = as_wave(noise)
    with tempfile.TemporaryDirectory() as folder:
        whole, eight = Path(folder) / "m.onnx", Path(folder) / "q.onnx"
        write_onnx(export_program(WaveModel(trained)), whole, {})
        quantize(whole, eight)
        sessions = {"onnx": onnx_session(whole, threads=1), "int8": onnx_session(eight, threads=1)}
        size = whole.stat().st_size / 1e6
    functions = {name: _asked(session, wave) for name, session in sessions.items()}
    taken = in_turn({**functions, "torch": lambda: said(trained, wave)}, turns)
    milliseconds = [spread(taken[name], scale=1000, digits=1) for name in ("onnx", "int8", "torch")]
    best = statistics.median(taken["onnx"]) * 1000
    return [backbone, f"{size:.0f}", *milliseconds, spread(ratios(taken["torch"], taken["onnx"])), _verdict(best)]


def _asked(session: Any, wave: npt.NDArray[np.float32]) -> Callable[[], object]:
    return lambda: session.run([OUTPUT], {INPUT: wave})


def _verdict(milliseconds: float) -> str:
    return "yes" if milliseconds < 20 else "no"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbones", nargs="+", default=["efficientnet_b0", "resnet18"])
    parser.add_argument("--turns", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(backbone, arguments.turns) for backbone in arguments.backbones]
    print(f"{machine('torch', 'timm', 'onnxruntime')}\n")
    head = ["network", "MB", "onnxruntime, ms", "8 bits, ms", "torch, ms", "torch / onnxruntime", "under 20 ms"]
    print_table(head, rows)


if __name__ == "__main__":
    main()
