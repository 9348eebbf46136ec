"""An hour of sound through a stream on one CPU thread: times real time, and how much the memory grows.

    python benchmarks/bench_stream.py

The network is untrained, which changes no time. Noise comes in chunks of 0.1 s as from a microphone, and the process's
resident memory is read once a minute of sound: growth is counted from the first minute. Ends with 1 where a stream with
windows one after the other is slower than 50 times real time, or memory grows by 50 MB.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"

from pathlib import Path

import numpy as np
import torch

from measuring import machine, print_table
from ser_lightning import Recognizer
from ser_lightning.frontend.frontend import Frontend
from ser_lightning.models.network import emotion_network
from ser_lightning.recognition.checkpoint import Trained

RATE, WINDOW_SECONDS, CHUNK_SECONDS = 16000, 3.0, 0.1
LABELS = tuple("abcdefgh")
SLOWEST, MOST_MB = 50.0, 50.0


def resident_mb() -> float:
    """The process's resident memory, in MB of 10^6 bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def untrained(backbone: str) -> Recognizer:
    """A recognizer of a network with random weights."""
    frontend = Frontend(sample_rate=RATE)
    shape = frontend.image_shape(round(WINDOW_SECONDS * RATE))
    network = emotion_network(len(LABELS), shape, backbone=backbone).eval().to(memory_format=torch.channels_last)
    return Recognizer(Trained(LABELS, RATE, WINDOW_SECONDS, 1.5, network, frontend))


def measure(recognizer: Recognizer, rate: int, hop_seconds: float | None, minutes: int) -> tuple[float, float, int]:
    """Times real time, MB of growth after the first minute, and the number of windows told."""
    stream = recognizer.stream(rate, hop_seconds=hop_seconds, smooth_seconds=1.0)
    noise = np.random.default_rng(0).integers(-9000, 9000, 7 * rate, dtype=np.int16)
    chunk, told, memory = round(CHUNK_SECONDS * rate), 0, list[float]()
    begun = time.perf_counter()
    for minute in range(minutes):
        for number in range(600):
            start = (minute * 600 + number) * chunk % (len(noise) - chunk)
            told += len(stream.feed(noise[start : start + chunk]))
        memory.append(resident_mb())
    told += len(stream.finish())
    return 60 * minutes / (time.perf_counter() - begun), max(memory) - memory[0], told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--minutes", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recognizer = untrained(arguments.backbone)
    rows, good = [], True
    for rate, hop in ((16000, None), (48000, None), (48000, 0.5)):
        speed, growth, told = measure(recognizer, rate, hop, arguments.minutes)
        good &= growth < MOST_MB and (hop is not None or speed > SLOWEST)
        shown = f"{hop:g}" if hop else f"{WINDOW_SECONDS:g}, a window"
        rows.append([str(rate), shown, str(told), f"{speed:.0f}", f"{growth:.1f}"])
    print(f"{machine('torch', 'soxr')}; {arguments.backbone}, {arguments.minutes} minutes\n")
    print_table(["rate, Hz", "hop, s", "windows", "times real time", "growth, MB"], rows)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
