"""SpecAugment: masks of mel bins and of frames (Park et al. 2019, Interspeech, arXiv 1904.08779), without warping."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from ser_lightning.counted import Key, uniform

Count = Annotated[int, Ge(0)]


class SpecAugment(nn.Module):
    """Sets `num_mel_masks` bands of up to `mel_width` bins and `num_frame_masks` stretches of frames to zero.

    Zero is the mean of a normalised log-mel. Widths are uniform in 0..width, places uniform.
    """

    def __init__(self, *, num_mel_masks: Count, mel_width: Count, num_frame_masks: Count, frame_width: Count) -> None:
        super().__init__()
        self.num_mel_masks, self.mel_width = num_mel_masks, mel_width
        self.num_frame_masks, self.frame_width = num_frame_masks, frame_width

    def forward(self, log_mel: Float[Tensor, "batch mel frame"], key: Key) -> Float[Tensor, "batch mel frame"]:
        """Mask each log-mel by its own draws."""
        mels, frames = log_mel.shape[1:]
        hidden = torch.zeros((), dtype=torch.bool, device=log_mel.device)
        for number in range(self.num_mel_masks):
            hidden = hidden | _drawn(key, f"mel {number}", self.mel_width, mels)[:, :, None]
        for number in range(self.num_frame_masks):
            hidden = hidden | _drawn(key, f"frame {number}", self.frame_width, frames)[:, None, :]
        return log_mel.masked_fill(hidden, 0.0)


def stretch(first: Int64[Tensor, batch], width: Int64[Tensor, batch], size: int) -> Bool[Tensor, "batch size"]:
    """True from `first` for `width` places of `size`.

    >>> stretch(torch.tensor([1]), torch.tensor([2]), 5)
    tensor([[False,  True,  True, False, False]])
    """
    place = torch.arange(size, device=first.device)
    return (place >= first[:, None]) & (place < (first + width)[:, None])


def _drawn(key: Key, draw: str, width: int, size: int) -> Bool[Tensor, "batch size"]:
    width = min(width, size)
    drawn = (uniform(key, f"{draw} width") * (width + 1)).long()
    first = (uniform(key, f"{draw} first") * (size - drawn + 1)).long()
    return stretch(first, drawn, size)
