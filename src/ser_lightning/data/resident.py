"""A store's samples on the device: then a batch is a gather there, and only numbers leave the host.

All four corpora together are about 1 GB as int16, so that any GPU holds them.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int16, Int64
from torch import Tensor

Choice = Literal["auto"] | bool
MOST = 0.5
"""Share of a GPU's free memory that `auto` gives to samples; the rest is the network's."""
PIECE = 2**25
"""Samples that are copied at a time, 64 MB."""


def is_resident(choice: Choice, num_samples: int, device: torch.device) -> bool:
    """Whether the samples are to lie on the device; `auto`: on a GPU, if they take at most half of what is free.

    On a CPU the memory map is in the device's memory already.

    >>> is_resident("auto", 10, torch.device("cpu")), is_resident(True, 10, torch.device("cpu"))
    (False, True)
    """
    if choice != "auto":
        return choice
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return 2 * num_samples <= MOST * free


def copied(samples: npt.NDArray[np.int16], device: torch.device) -> Int16[Tensor, "time"]:
    """The samples on the device, copied a piece at a time, so that the host holds no second copy."""
    there = torch.empty(len(samples), dtype=torch.int16, device=device)
    for first in range(0, len(samples), PIECE):
        piece = torch.from_numpy(np.array(samples[first : first + PIECE]))
        there[first : first + len(piece)] = piece
    return there


def cut(
    samples: Int16[Tensor, "time"], start: Int64[Tensor, batch], length: Int64[Tensor, batch], window: int
) -> Int16[Tensor, "batch window"]:
    """Windows that begin at `start`, zeros after each one's own `length`; nothing is asked of the device.

    >>> cut(torch.arange(9, dtype=torch.int16), torch.tensor([1, 4]), torch.tensor([3, 2]), 3).tolist()
    [[1, 2, 3], [4, 5, 0]]
    """
    place = torch.arange(window, device=samples.device)
    return samples.unfold(0, window, 1).index_select(0, start) * (place < length[:, None])
