"""The module that is exported says what the Recognizer's own steps say, of clips of any length."""

import numpy as np
import pytest
import torch

from ser_lightning.data.audio import to_int16
from ser_lightning.exported.model import WaveModel, rounded
from ser_lightning.exported.parity import said

WINDOW = 6400


def probabilities(trained, wave):
    with torch.inference_mode():
        return WaveModel(trained)(torch.from_numpy(wave)).numpy()


@pytest.mark.parametrize("time", [1, 800, WINDOW - 1, WINDOW, WINDOW + 1, int(2.6 * WINDOW)])
def test_a_clip_of_any_length_gets_the_probabilities_of_the_model(untrained, waves, time):
    trained = untrained()
    wave = waves(3, time)
    found = probabilities(trained, wave)
    np.testing.assert_allclose(found, said(trained, wave), atol=2e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    "frontend",
    [
        {"level": "keep"},
        {"image_size": (48, 40), "channels": 3},
        {"n_fft": 800, "win_length": 400, "hop_length": 200, "n_mels": 32, "top_db": 40.0},
    ],
    ids=["level kept", "resized", "another transform"],
)
def test_whatever_the_frontend_is(untrained, waves, frontend):
    trained = untrained(temperature=0.5, **frontend)
    wave = waves(2, 10000)
    np.testing.assert_allclose(probabilities(trained, wave), said(trained, wave), atol=5e-6)


def test_no_temperature_and_a_high_one(untrained, waves):
    wave = waves(1, 9000)
    plain, warm = (probabilities(untrained(temperature=t), wave) for t in (1.0, 20.0))
    np.testing.assert_allclose(plain, said(untrained(temperature=1.0), wave), atol=2e-6)
    assert plain.max() > warm.max() > 0.25


def test_a_clip_does_not_depend_on_its_neighbours(untrained, waves):
    trained = untrained()
    wave = waves(3, 15000)
    one_by_one = np.concatenate([probabilities(trained, clip[None]) for clip in wave])
    np.testing.assert_allclose(probabilities(trained, wave), one_by_one, atol=1e-6)
    assert np.abs(one_by_one[0] - one_by_one[1]).max() > 0.01


def test_samples_are_rounded_as_those_of_a_file():
    edges = np.array([0.0, 0.5, 1.5, -0.5, -2.5, 32766.5, 32767.5, 32768.0, -32768.0, -40000.0, 1e9], np.float32)
    wave = np.concatenate([edges / 32768, np.random.default_rng(0).uniform(-1.2, 1.2, 5000).astype(np.float32)])
    found = rounded(torch.from_numpy(wave)[None])[0].numpy() * 32768
    assert found.tolist() == to_int16(wave.copy())[0].astype(np.float32).tolist()


def test_the_trained_network_is_left_as_it_was(untrained):
    trained = untrained()
    before = trained.network.head[0].weight.clone()
    WaveModel(trained).network.head[0].weight.zero_()
    assert torch.equal(trained.network.head[0].weight, before)
    assert trained.network.head[0].weight.requires_grad
