"""The device to predict on."""

from __future__ import annotations

from typing import Literal

import torch

from ser_lightning.errors import UserError

DeviceName = Literal["auto", "cpu", "gpu"]


def choose_device(name: DeviceName) -> torch.device:
    """The device to predict on; `auto` is the GPU where there is one. Raises UserError where `gpu` finds none."""
    there = torch.cuda.is_available()
    if name == "gpu" and not there:
        raise UserError("device=gpu needs a GPU that torch can use, there is none; use device=auto or device=cpu")
    return torch.device("cuda" if there and name != "cpu" else "cpu")
