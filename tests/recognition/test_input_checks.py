"""A recording is warned of for what is wrong with it, and a usual one is not."""

from __future__ import annotations

import numpy as np
import pytest

from ser_lightning.data.audio import resample, to_int16
from ser_lightning.recognition.input_checks import Levels, input_warnings, levels_of

RATE = 16000
TIME = np.arange(RATE) / RATE
RNG = np.random.default_rng(0)


def int16(wave: np.ndarray) -> np.ndarray:
    return to_int16(wave.astype(np.float32))[0]


def speech_like(rms: float, seconds: float = 1.0) -> np.ndarray:
    wave = RNG.laplace(size=int(seconds * RATE))
    return wave * rms / np.sqrt(np.mean(wave**2))


@pytest.mark.parametrize("wave", [speech_like(0.05), speech_like(0.002), np.sin(2 * np.pi * 200 * TIME)])
def test_a_usual_recording_has_no_warning(wave):
    assert input_warnings(levels_of(int16(wave)), RATE, 48000) == ()


@pytest.mark.parametrize(
    ("wave", "source_rate", "warning"),
    [
        (speech_like(0.05, 0.2), RATE, "it lasts only 0.20 s; 0.25 s or more are needed to hear an emotion"),
        (speech_like(3e-4), RATE, "it is very quiet: -70 dB of full scale (RMS); record closer, or louder"),
        (speech_like(0.05) + 0.2, RATE, "its mean is +20% of full scale (a DC offset); look at the microphone"),
        (
            speech_like(0.05),
            8000,
            "it was recorded at 8,000 Hz and has nothing above 4,000 Hz; the model was trained at 16,000 Hz",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_number(wave, source_rate, warning):
    assert input_warnings(levels_of(int16(wave)), RATE, source_rate) == (warning,)


@pytest.mark.parametrize("rate", [16000, 24400, 48000, 96000])
def test_clipping_is_seen_through_a_resampling(rate):
    time = np.arange(rate) / rate
    loud = np.clip(1.8 * np.sin(2 * np.pi * 150 * time), -1, 1).astype(np.float32)
    [warning] = input_warnings(levels_of(int16(resample(loud, rate, RATE))), RATE, rate)
    assert "of its samples are clipped at full scale; record with less gain" in warning
    quieter = (0.5 * loud).astype(np.float32)
    assert input_warnings(levels_of(int16(resample(quieter, rate, RATE))), RATE, rate) == ()


def test_several_things_are_told_together():
    wave = np.full(1600, 0.3)
    assert len(input_warnings(levels_of(int16(wave)), RATE, 8000)) == 4


def test_silence_is_told_as_such_alone():
    assert input_warnings(levels_of(np.zeros(RATE, np.int16)), RATE, RATE) == (
        "it is silent throughout (every sample is zero); the answer means nothing",
    )


def test_levels_of_chunks_add_up():
    samples = int16(speech_like(0.1))
    parts = [levels_of(part) for part in np.split(samples, [1, 500, 9000])]
    assert Levels().plus(parts[0]).plus(parts[1]).plus(parts[2]).plus(parts[3]) == pytest.approx(levels_of(samples))
