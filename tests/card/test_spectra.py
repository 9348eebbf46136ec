"""The mean pictures are those of the frontend, a tone lies in its band, and every clip counts the same."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from ser_lightning.card.spectra import CLIPS_AT_ONCE, NUM_FRAMES, LogMel, mean_log_mels
from ser_lightning.data.samples import Samples
from ser_lightning.frontend.frontend import Frontend

RATE = 16000
LOG_MEL = LogMel(RATE)


def noise(length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9000, 9000, length, dtype=np.int16)


def table_of(emotions: list[str], lengths: list[int]) -> pl.DataFrame:
    offsets = np.cumsum([0, *lengths[:-1]])
    return pl.DataFrame({"emotion": emotions, "offset": offsets, "length": lengths})


def test_a_window_is_a_frame_of_the_frontend():
    frontend = Frontend(sample_rate=RATE, hop_length=512, top_db=200.0)
    wave = noise(1024 + (NUM_FRAMES - 1) * 512)
    theirs = frontend.decibels(torch.from_numpy(wave[None].astype(np.float32) / 32768.0))[0].numpy()
    np.testing.assert_allclose(LOG_MEL([wave])[0], theirs[:, 1:-1], atol=2e-3)


@pytest.mark.parametrize("hertz", [300.0, 1000.0, 5000.0])
def test_a_tone_lies_in_its_band(hertz):
    tone = (9000 * np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)).astype(np.int16)
    loudest = LOG_MEL([tone])[0].mean(axis=1).argmax()
    assert loudest == np.abs(LOG_MEL.bands_hz - hertz).argmin()


@pytest.mark.parametrize("length", [1, 500, 1024, 1025, 40000])
def test_clips_of_any_length_give_one_picture(length):
    picture = LOG_MEL([noise(length)])
    assert picture.shape == (1, 64, NUM_FRAMES)
    assert np.isfinite(picture).all()
    assert picture.min() >= -100.01


def test_the_mean_is_that_of_the_clips_one_by_one():
    lengths = [2000 + 37 * index for index in range(2 * CLIPS_AT_ONCE + 3)]
    emotions = ["sad" if index % 3 else "happy" for index in range(len(lengths))]
    samples = noise(sum(lengths))
    table = table_of(emotions, lengths)
    means = mean_log_mels(table, Samples(samples), ["happy", "sad"], LOG_MEL)
    single = np.stack([LOG_MEL([samples[a : a + n]])[0] for a, n in table.select("offset", "length").iter_rows()])
    sad = np.array(emotions) == "sad"
    np.testing.assert_allclose(means[0], single[~sad].mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(means[1], single[sad].mean(axis=0), atol=1e-3)


def test_gain_moves_every_band_by_its_decibels():
    wave = noise(20000)
    samples = np.concatenate([wave, wave // 10])
    loud, soft = mean_log_mels(table_of(["a", "b"], [20000, 20000]), Samples(samples), ["a", "b"], LOG_MEL)
    np.testing.assert_allclose(loud - soft, 20.0, atol=0.1)
