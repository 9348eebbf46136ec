"""Waves -> mel power, the same numbers as torchaudio's MelSpectrogram, in the order that a CPU's caches like.

torchaudio transforms a whole batch at once, takes a root to square it again, and multiplies every frequency with every
filter, though a filter spans few. Here a batch passes in pieces that stay in cache, power is re^2 + im^2, and filters
are taken a few at a time with the frequencies that they span. A GPU has neither need nor caches for that: it gets the
whole batch and one product.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

FILTERS_AT_A_TIME = 16
"""Mel filters of one product on a CPU: fewer multiply less by zero, and more products have their own cost."""
CACHED = 650_000
"""Samples in the frames of a piece, 2.6 MB as float32: two windows of 3 s fit the second-level caches of two cores."""


class Band(NamedTuple):
    """Mel filters `first` to `last` and the frequencies that they span, each up to and without the second number."""

    first: int
    last: int
    low: int
    high: int


def filter_bands(filters: Float[Tensor, "frequency mel"], size: int = FILTERS_AT_A_TIME) -> list[Band]:
    """The filters in groups of `size`, each with the frequencies at which any of its filters is not zero.

    >>> filter_bands(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]), size=1)
    [Band(first=0, last=1, low=1, high=3), Band(first=1, last=2, low=2, high=4)]
    """
    bands = []
    for first in range(0, filters.shape[1], size):
        last = min(first + size, filters.shape[1])
        spanned = filters[:, first:last].any(dim=1).nonzero().flatten().tolist() or [0]
        bands.append(Band(first, last, spanned[0], spanned[-1] + 1))
    return bands


def mel_power(
    wave: Float[Tensor, "batch time"],
    window: Float[Tensor, "n_fft"],
    filters: Float[Tensor, "frequency mel"],
    bands: list[Band],
    *,
    hop: int,
) -> Float[Tensor, "batch mel frame"]:
    """The power in each mel filter, frames centred and the ends mirrored; frame = 1 + time // hop.

    time must be longer than n_fft // 2, by which the ends are mirrored.
    """
    margin = len(window) // 2
    mirrored = functional.pad(wave[:, None], (margin, margin), mode="reflect")[:, 0]
    frames = mirrored.unfold(1, len(window), hop)
    both = filters.repeat_interleave(2, dim=0)
    if wave.device.type != "cpu":
        return (_squares(frames, window) @ both).transpose(1, 2)
    pieces = []
    for piece in torch.split(frames, max(1, CACHED // (frames.shape[1] * len(window)))):
        squares = _squares(piece, window)
        powers = (squares[..., 2 * b.low : 2 * b.high] @ both[2 * b.low : 2 * b.high, b.first : b.last] for b in bands)
        pieces.append(torch.cat(list(powers), dim=2))
    return torch.cat(pieces).transpose(1, 2)


def _squares(
    frames: Float[Tensor, "batch frame n_fft"], window: Float[Tensor, "n_fft"]
) -> Float[Tensor, "batch frame part"]:
    """re^2 and im^2 of each frequency of windowed frames, side by side; part = 2 (1 + n_fft // 2).

    Their sum, the power, is left to the product with filters that hold each row twice: it costs less than adding up.
    """
    return torch.view_as_real(torch.fft.rfft(frames * window)).flatten(2).square_()
