"""Augmentations of waveforms [batch time]: time shift, gain, noise."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Interval
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ser_lightning.counted import Key, uniform, uniform_between

Wave = Float[Tensor, "batch time"]
Probability = Annotated[float, Interval(ge=0, le=1)]


class Shift(nn.Module):
    """Moves each window by up to `seconds` either way; what moves out is lost, zeros move in."""

    def __init__(self, *, seconds: Annotated[float, Ge(0)], sample_rate: Annotated[int, Gt(0)]) -> None:
        super().__init__()
        self.samples = round(seconds * sample_rate)

    def forward(self, wave: Wave, key: Key) -> Wave:
        """Shift by a whole number of samples, uniform in [-seconds, seconds]."""
        return shift(wave, uniform_between(key, "shift", -self.samples, self.samples + 1).floor().long())


class Gain(nn.Module):
    """Scales each window by a gain uniform in [low_db, high_db]."""

    def __init__(self, *, low_db: float, high_db: float) -> None:
        super().__init__()
        if low_db > high_db:
            raise ValueError(f"augment gain needs low_db <= high_db, got {low_db} and {high_db}")
        self.low_db, self.high_db = low_db, high_db

    def forward(self, wave: Wave, key: Key) -> Wave:
        """Apply a gain of g dB: the wave times 10^(g / 20)."""
        return apply_gain(wave, uniform_between(key, "gain", self.low_db, self.high_db))


class Noise(nn.Module):
    """Adds white noise at a signal-to-noise ratio uniform in [low_snr_db, high_snr_db] to a share of the windows.

    The noise is a stretch of one fixed bank from a counted offset: as random as needed, and cheap.
    """

    bank: Tensor

    def __init__(
        self,
        *,
        probability: Probability,
        low_snr_db: float,
        high_snr_db: float,
        bank_size: Annotated[int, Gt(0)] = 2**20,
    ) -> None:
        super().__init__()
        if low_snr_db > high_snr_db:
            raise ValueError(f"augment noise needs low_snr_db <= high_snr_db, got {low_snr_db} and {high_snr_db}")
        self.probability, self.low_snr_db, self.high_snr_db = probability, low_snr_db, high_snr_db
        bank = torch.randn(bank_size, generator=torch.Generator().manual_seed(0))
        self.register_buffer("bank", bank, persistent=False)

    def forward(self, wave: Wave, key: Key) -> Wave:
        """Add noise to the windows drawn for it."""
        offset = (uniform(key, "noise offset") * len(self.bank)).long()
        place = torch.arange(wave.shape[1], device=wave.device)
        noise = self.bank[(offset[:, None] + place) % len(self.bank)]
        snr_db = uniform_between(key, "noise level", self.low_snr_db, self.high_snr_db)
        chosen = uniform(key, "noise") < self.probability
        return torch.where(chosen[:, None], add_noise(wave, noise, snr_db), wave)


def shift(wave: Wave, samples: Int64[Tensor, batch]) -> Wave:
    """Each window later by its number of samples (earlier if negative), zeros where nothing was."""
    time = wave.shape[1]
    source = torch.arange(time, device=wave.device) - samples[:, None]
    inside = (source >= 0) & (source < time)
    return wave.gather(1, source.clamp(0, time - 1)) * inside


def apply_gain(wave: Wave, gain_db: Float[Tensor, batch]) -> Wave:
    """Each window times 10^(gain_db / 20)."""
    return wave * torch.pow(10.0, gain_db / 20.0)[:, None]


def add_noise(wave: Wave, noise: Wave, snr_db: Float[Tensor, batch]) -> Wave:
    """Add noise so that the power of the wave is `snr_db` above that of the noise; silence stays silent."""
    signal = wave.square().mean(dim=1, keepdim=True)
    power = noise.square().mean(dim=1, keepdim=True).clamp(min=1e-12)
    return wave + noise * (signal / power).sqrt() * torch.pow(10.0, -snr_db / 20.0)[:, None]
