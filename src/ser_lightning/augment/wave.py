"""Augmentations of waveforms [batch time]: time shift, gain, noise."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Interval
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

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
        samples = uniform_between(key, "shift", -self.samples, self.samples + 1).floor().long()
        return shift(wave, samples, most=min(self.samples, wave.shape[1]))


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
        stretches = self._stretches(wave.shape[1])
        noise = stretches[(uniform(key, "noise offset") * len(stretches)).long()]
        snr_db = uniform_between(key, "noise level", self.low_snr_db, self.high_snr_db)
        chosen = uniform(key, "noise") < self.probability
        return add_noise(wave, noise, snr_db, chosen.to(wave.dtype))

    def _stretches(self, time: int) -> Float[Tensor, "place time"]:
        """Every stretch of the bank, one a sample apart, without a copy; a bank too short for that is repeated."""
        bank = self.bank if len(self.bank) >= 2 * time else self.bank.repeat(-(-2 * time // len(self.bank)))
        return bank.unfold(0, time, 1)


def shift(wave: Wave, samples: Int64[Tensor, batch], *, most: int) -> Wave:
    """Each window later by its number of samples (earlier if negative), zeros where nothing was; `most` either way.

    Every shift of a window is a stretch of the window between zeros, so that each is one copy.
    """
    stretches = functional.pad(wave, (most, most)).unfold(1, wave.shape[1], 1)
    return stretches[torch.arange(len(wave), device=wave.device), most - samples.clamp(-most, most)]


def apply_gain(wave: Wave, gain_db: Float[Tensor, batch]) -> Wave:
    """Each window times 10^(gain_db / 20)."""
    return wave * torch.pow(10.0, gain_db / 20.0)[:, None]


def add_noise(wave: Wave, noise: Wave, snr_db: Float[Tensor, batch], share: Float[Tensor, batch] | None = None) -> Wave:
    """Add noise so that the power of the wave is `snr_db` above that of the noise; silence stays silent.

    `share` scales each window's noise amplitude: 0 adds none.
    """
    signal, power = (torch.linalg.vector_norm(part, dim=1) for part in (wave, noise))
    amplitude = signal / power.clamp(min=1e-6) * torch.pow(10.0, -snr_db / 20.0)
    return torch.addcmul(wave, noise, (amplitude if share is None else amplitude * share)[:, None])
