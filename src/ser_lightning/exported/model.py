"""Wave -> calibrated probabilities in one module, in operations that torch.export and ONNX have.

What the pass that writes predictions does in several places (rounding to int16, windows, log-mel, network, mean over
the windows, temperature) stands here in a row. The frontend and the network are the trained ones; only the Fourier
transform goes another way, as that of training is cut into pieces by the caches of a CPU, which no graph can be.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn import functional

from ser_lightning.evaluation.calibration import LEAST
from ser_lightning.frontend.frontend import INT16_SCALE
from ser_lightning.recognition.checkpoint import Trained

HIGHEST = 32767.0


class WaveModel(nn.Module):
    """Calibrated probabilities of clips at the model's rate; all clips of a batch have the same length.

    A clip is tiled by windows that do not overlap, the last one padded with zeros; it may be as short as one sample.
    """

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        # The trained network lies in memory in an order that pays on a CPU alone; a file has the plain one.
        self.network = copy.deepcopy(trained.network).cpu().to(memory_format=torch.contiguous_format).eval()
        self.frontend = copy.deepcopy(trained.frontend).cpu()
        self.window = round(trained.window_seconds * trained.sample_rate)
        self.temperature = trained.temperature
        spectrogram = self.frontend.mel.spectrogram
        self.n_fft, self.hop_length = int(spectrogram.n_fft), self.frontend.hop_length
        taper = functional.pad(spectrogram.window, self.frontend.window_margins)
        self.register_buffer("taper", taper.clone(), persistent=False)
        self.requires_grad_(requires_grad=False)

    def forward(self, wave: Float32[Tensor, "batch time"]) -> Float32[Tensor, "batch class"]:
        """The probabilities of each clip; samples within -1 and 1, what lies beyond is clamped."""
        batch, time = wave.shape
        # As a number that a tensor held, the count is unknown to torch.export; of one that it computes from the shape
        # it would prove that there are two windows or more, as in its example, and refuse shorter clips.
        tiles = (time + self.window - 1) // self.window
        count = cast("int", torch.scalar_tensor(tiles, dtype=torch.int64).item())
        torch._check(count >= 1)
        first = torch.arange(count) * self.window
        place = (first[:, None] + torch.arange(self.window)).clamp(max=time)
        windows = functional.pad(rounded(wave), (0, 1))[:, place].reshape(-1, self.window)
        length = (time - first).clamp(max=self.window)
        of_each = (torch.zeros(batch, 1, dtype=torch.int64) + length).reshape(-1)
        image = self.frontend.to_image(self.frontend.levelled(self._decibels(windows), of_each))
        p = self.network(image).softmax(1) * of_each[:, None]
        return self._calibrated(p.reshape(batch, count, p.shape[1]).sum(1) / time)

    def _decibels(self, windows: Float[Tensor, "batch time"]) -> Float[Tensor, "batch mel frame"]:
        """As `Frontend.decibels`, frames centred and the ends mirrored; frame = 1 + time // hop_length."""
        taper = self.get_buffer("taper")
        spectrum = torch.stft(windows, self.n_fft, self.hop_length, self.n_fft, taper, return_complex=True)
        power = torch.view_as_real(spectrum).square().sum(-1).transpose(1, 2)
        return self.frontend.in_decibels((power @ self.frontend.mel.mel_scale.fb).transpose(1, 2))

    def _calibrated(self, p: Float[Tensor, "batch class"]) -> Float[Tensor, "batch class"]:
        """As `evaluation.calibration.calibrated`."""
        return p if self.temperature == 1.0 else (p.clamp(min=LEAST).log() / self.temperature).softmax(1)


def rounded(wave: Float[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
    """What is left of samples when they are kept as int16, as `data.audio.to_int16` does.

    >>> (rounded(torch.tensor([[0.5, -1.0, 2.0, 1e-5]])) * 32768).tolist()
    [[16384.0, -32768.0, 32767.0, 0.0]]
    """
    return (wave / INT16_SCALE).round().clamp(-HIGHEST - 1, HIGHEST) * INT16_SCALE
