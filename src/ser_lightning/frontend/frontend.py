"""Waveform -> log-mel in decibels -> normalised -> image, in batches on whatever device the waves are.

Always in float32, whatever the training precision: a bfloat16 power spectrum keeps three digits. Everything a window
becomes depends on that window alone, so that a prediction never depends on its neighbours in the batch.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torchaudio
from annotated_types import Ge, Gt, MaxLen, MinLen
from jaxtyping import Float, Int16, Int64
from torch import Tensor, nn
from torch.nn import functional

from ser_lightning.errors import UserError
from ser_lightning.frontend.mel import filter_bands, mel_power
from ser_lightning.precision import exact_float32

INT16_SCALE = 1.0 / 32768.0
POWER_FLOOR = 1e-10
"""The smallest mel power, -100 dB: silence has a finite level."""


def to_float(wave: Int16[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
    """int16 samples as float32 in [-1, 1)."""
    return wave.to(torch.float32) * INT16_SCALE


class Frontend(nn.Module):
    """Log-mel images of waveforms.

    `sample_rate` in Hz; `n_fft`, `win_length`, `hop_length` in samples; frames = 1 + time // hop_length. Of each
    window the level range is cut `top_db` under its maximum. `level`: `remove` brings each window to mean 0 and
    deviation 1 over its real frames, so loudness is no cue; `keep` scales all windows by the fixed `mean_db` and
    `std_db`. `image_size` (height, width) resizes bilinearly where a backbone needs it. The window and the filters are
    torchaudio's; `frontend.mel` computes with them.
    """

    def __init__(
        self,
        *,
        sample_rate: Annotated[int, Gt(0)],
        n_fft: Annotated[int, Gt(0)] = 1024,
        win_length: Annotated[int, Gt(0)] = 1024,
        hop_length: Annotated[int, Gt(0)] = 160,
        n_mels: Annotated[int, Gt(0)] = 64,
        f_min: Annotated[float, Ge(0)] = 50.0,
        f_max: Annotated[float, Gt(0)] | None = None,
        top_db: Annotated[float, Gt(0)] = 80.0,
        level: Literal["remove", "keep"] = "remove",
        mean_db: float = -40.0,
        std_db: Annotated[float, Gt(0)] = 20.0,
        image_size: Annotated[tuple[Annotated[int, Gt(0)], ...], MinLen(2), MaxLen(2)] | None = None,
        channels: Literal[1, 3] = 1,
    ) -> None:
        super().__init__()
        if win_length > n_fft:
            raise UserError(f"frontend.win_length={win_length} must not be longer than frontend.n_fft={n_fft}")
        if f_min >= (f_max or sample_rate / 2) or (f_max or 0) > sample_rate / 2:
            raise UserError(
                f"frontend needs f_min < f_max <= sample_rate / 2, got {f_min:g}, {f_max or sample_rate / 2:g}, "
                f"{sample_rate / 2:g} Hz"
            )
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.top_db = top_db
        self.level = level
        self.mean_db = mean_db
        self.std_db = std_db
        self.image_size = None if image_size is None else (image_size[0], image_size[1])
        self.channels = channels
        self.mel = torchaudio.transforms.MelSpectrogram(
            sample_rate,
            n_fft=n_fft,
            win_length=win_length,
            hop_length=hop_length,
            f_min=f_min,
            f_max=f_max,
            n_mels=n_mels,
            power=2.0,
            norm="slaney",
            mel_scale="slaney",
        )
        margin = n_fft - win_length
        self.window_margins = (margin // 2, margin - margin // 2)
        self.bands = filter_bands(self.mel.mel_scale.fb)

    def forward(
        self, wave: Float[Tensor, "batch time"], length: Int64[Tensor, batch]
    ) -> Float[Tensor, "batch channel height width"]:
        """The image of each window; `length` counts its real samples."""
        return self.to_image(self.log_mel(wave, length))

    def log_mel(
        self, wave: Float[Tensor, "batch time"], length: Int64[Tensor, batch]
    ) -> Float[Tensor, "batch mel frame"]:
        """The normalised log-mel; frame = 1 + time // hop_length."""
        return self.levelled(self.decibels(wave), length)

    def levelled(
        self, decibels: Float[Tensor, "batch mel frame"], length: Int64[Tensor, batch]
    ) -> Float[Tensor, "batch mel frame"]:
        """Decibels normalised as `level` says."""
        if self.level == "keep":
            return (decibels - self.mean_db) / self.std_db
        return standardize(decibels, 1 + length // self.hop_length)

    def decibels(self, wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch mel frame"]:
        """Mel power in dB (0 dB = 1), cut `top_db` under each window's maximum."""
        with torch.autocast(wave.device.type, enabled=False), exact_float32():
            window = functional.pad(self.mel.spectrogram.window, self.window_margins)
            power = mel_power(wave.float(), window, self.mel.mel_scale.fb, self.bands, hop=self.hop_length)
            return self.in_decibels(power)

    def in_decibels(self, power: Float[Tensor, "batch mel frame"]) -> Float[Tensor, "batch mel frame"]:
        """Power, which is overwritten, in dB, cut `top_db` under each window's maximum."""
        decibels = power.clamp_(min=POWER_FLOOR).log10_().mul_(10.0)
        return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - self.top_db)

    def to_image(self, log_mel: Float[Tensor, "batch mel frame"]) -> Float[Tensor, "batch channel height width"]:
        """The log-mel as an image, low frequencies first."""
        image = log_mel.unsqueeze(1)
        if self.image_size is not None:
            image = functional.interpolate(image, self.image_size, mode="bilinear", align_corners=False)
        return image.expand(-1, self.channels, -1, -1)

    def image_shape(self, time: int) -> tuple[int, int, int]:
        """Channels, height and width of the image of a window of `time` samples; UserError where it is too short."""
        if time <= self.mel.n_fft // 2:
            raise UserError(
                f"data.window_seconds must be longer than half an FFT, {self.mel.n_fft // 2} samples; it is {time}"
            )
        height, width = self.image_size or (self.n_mels, 1 + time // self.hop_length)
        return self.channels, height, width


def standardize(
    decibels: Float[Tensor, "batch mel frame"], frames: Int64[Tensor, batch]
) -> Float[Tensor, "batch mel frame"]:
    """Mean 0 and deviation 1 of each window over its first `frames` frames; a constant window becomes 0."""
    place = torch.arange(decibels.shape[2], device=decibels.device)
    real = (place < frames[:, None])[:, None, :].to(decibels.dtype)
    count = real.sum(dim=(1, 2), keepdim=True) * decibels.shape[1]
    mean = (decibels * real).sum(dim=(1, 2), keepdim=True) / count
    centred = decibels - mean
    deviation = ((centred.square() * real).sum(dim=(1, 2), keepdim=True) / count).sqrt()
    return centred / deviation.clamp(min=1e-3)
