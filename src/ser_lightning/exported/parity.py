"""Whether an exported file says what the model says: the largest difference, over clips of several lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int16

from ser_lightning.data.audio import FULL_SCALE, to_int16
from ser_lightning.exported.programs import Runner
from ser_lightning.recognition.checkpoint import Trained
from ser_lightning.recognition.windows import of_clip, tiles, window_probabilities

SHORT_SECONDS = 0.3
WINDOWS = 2.6
"""The longest of the waves compared, in windows: it does not end with one."""
BATCHES = (1, 3)


class Compared(NamedTuple):
    """Waves of the model's rate, and what the model itself says of them."""

    waves: list[Float32[np.ndarray, "batch time"]]
    expected: list[Float64[np.ndarray, "batch class"]]


def compared(trained: Trained, sounds: Sequence[Int16[np.ndarray, " time"]], *, batch_size: int = 16) -> Compared:
    """Batches of stretches of `sounds`, and each of them whole, with what the model says of them."""
    window = round(trained.window_seconds * trained.sample_rate)
    lengths = (round(SHORT_SECONDS * trained.sample_rate), window, round(WINDOWS * window))
    stretches = [
        np.stack([stretch(sounds, first, time) for first in range(batch)]) for time in lengths for batch in BATCHES
    ]
    waves = [as_wave(samples) for samples in (*stretches, *(sound[None] for sound in sounds))]
    return Compared(waves, [said(trained, wave, batch_size=batch_size) for wave in waves])


def said(
    trained: Trained, wave: Float32[np.ndarray, "batch time"], *, batch_size: int = 16
) -> Float64[np.ndarray, "batch class"]:
    """What the model says of each clip, the way a Recognizer hears it."""
    window = round(trained.window_seconds * trained.sample_rate)
    rows = []
    for clip in wave:
        windows, length = tiles(to_int16(clip.copy())[0], window)
        p = window_probabilities(trained, windows, length, batch_size=batch_size)
        rows.append(of_clip(p, length, trained.temperature))
    return np.stack(rows)


def largest_difference(run: Runner, what: Compared) -> float:
    """The largest absolute difference of any probability; infinity where one is not a number."""
    differences = [np.abs(run(wave) - p).max() for wave, p in zip(what.waves, what.expected, strict=True)]
    largest = float(np.max(differences))
    return largest if np.isfinite(largest) else float("inf")


def stretch(sounds: Sequence[Int16[np.ndarray, " time"]], first: int, time: int) -> Int16[np.ndarray, " time"]:
    """`time` samples of the sounds one after the other, beginning with that of number `first`, over and over.

    >>> stretch([np.array([1, 2], np.int16), np.array([3], np.int16)], 1, 5).tolist()
    [3, 1, 2, 3, 1]
    """
    row = np.concatenate([sounds[(first + number) % len(sounds)] for number in range(len(sounds))])
    return np.resize(row, time)


def as_wave(samples: Int16[np.ndarray, "batch time"]) -> Float32[np.ndarray, "batch time"]:
    """int16 samples as float32 within -1 and 1."""
    return samples.astype(np.float32) / np.float32(FULL_SCALE)


def made_sounds(rate: int) -> list[Int16[np.ndarray, " time"]]:
    """Sounds for where no audio is at hand: three harmonic voices that rise, in noise, 1.3, 2.1 and 4 s long."""
    rng = np.random.default_rng(0)
    sounds = []
    for pitch, seconds in ((110.0, 1.3), (180.0, 2.1), (260.0, 4.0)):
        time = np.arange(round(seconds * rate)) / rate
        phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.2 * time / seconds)) / rate
        voice = sum(np.sin(k * phase) / k for k in range(1, 12)) * np.abs(np.sin(2 * np.pi * 1.5 * time))
        wave = 0.1 * voice + 0.003 * rng.standard_normal(len(time))
        sounds.append(to_int16(wave.astype(np.float32))[0])
    return sounds
