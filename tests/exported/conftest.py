"""Untrained models whose probabilities are far from even, so that a difference shows."""

import numpy as np
import pytest
import torch

from ser_lightning.frontend.frontend import Frontend
from ser_lightning.models.network import emotion_network
from ser_lightning.recognition.checkpoint import Trained

RATE = 16000


@pytest.fixture(scope="session")
def untrained():
    """`untrained(backbone="test_resnet", window_seconds=0.4, temperature=1.7, **of the frontend)`."""

    def made(backbone="test_resnet", *, window_seconds=0.4, temperature=1.7, **frontend):
        torch.manual_seed(0)
        front = Frontend(sample_rate=RATE, **frontend)
        network = emotion_network(4, front.image_shape(round(window_seconds * RATE)), backbone=backbone).eval()
        with torch.no_grad():
            # Running statistics as after training: with those of an untrained network its features are all alike.
            network.train()
            for _ in range(40):
                network(torch.randn(8, *front.image_shape(round(window_seconds * RATE))))
            for parameter in network.head.parameters():
                parameter.mul_(3.0)
        network.eval().to(memory_format=torch.channels_last)
        return Trained(("angry", "happy", "neutral", "sad"), RATE, window_seconds, temperature, network, front)

    return made


@pytest.fixture(scope="session")
def waves():
    """`waves(batch, time)`: chirps in noise, each clip another."""

    def made(batch, time):
        rng = np.random.default_rng(batch)
        seconds = np.arange(time) / RATE
        chirps = [np.sin(2 * np.pi * (150 + 90 * clip) * seconds * (1 + seconds)) for clip in range(batch)]
        return (0.4 * np.stack(chirps) + 0.02 * rng.standard_normal((batch, time))).astype(np.float32)

    return made
