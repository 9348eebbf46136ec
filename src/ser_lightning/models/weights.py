"""Local weight files: timm's key names, or torchvision's where its network is timm's under other names.

Never a pickle: .safetensors, or torch files loaded with weights_only=True.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import safetensors
import timm
import torch
from torch import Tensor

from ser_lightning.errors import UserError

ORDERED = re.compile(r"efficientnet_b[0-7]|mobilenetv2_100")
"""Families in which torchvision defines the same layers in the same order, under other names."""
WIDE_EPSILON = re.compile(r"efficientnet_b[5-7]")
"""Where torchvision normalises with epsilon 1e-3 and timm, by default, with 1e-5."""
TORCHVISION_EPSILON = 1e-3
UNREADABLE = (
    *(pickle.UnpicklingError, safetensors.SafetensorError, RuntimeError, EOFError, ValueError, OSError),
    AttributeError,  # timm takes for granted that the file holds a dict
)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or torch file; UserError where it is not there, or not plain weights."""
    if not path.is_file():
        raise UserError(f"model.weights must be a file of weights (.safetensors, .pth): {path} does not exist")
    try:
        weights: dict[str, Tensor] = timm.models.load_state_dict(str(path), weights_only=True)
    except UNREADABLE as error:
        # timm goes on to offer weights_only=False, which nobody here can set, nor should.
        reason = str(error).partition(" No automatic")[0].strip().partition("\n")[0] or type(error).__name__
        raise UserError(f"model.weights={path} holds no plain weights, it was not loaded: {reason}") from error
    if not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise UserError(f"model.weights={path} must hold tensors by name, as state_dict() gives them")
    return weights


def to_timm_names(weights: dict[str, Tensor], backbone: str, *, bn_eps: float | None) -> dict[str, Tensor]:
    """The weights under timm's names; unchanged where they bear these, or where the family has no known order.

    Raises UserError where a torchvision file needs another batch-norm epsilon.
    """
    is_torchvision = {"features.0.0.weight", "classifier.1.weight"} <= weights.keys()
    if not is_torchvision or not ORDERED.fullmatch(backbone.split(".")[0]):
        return weights
    if WIDE_EPSILON.match(backbone) and bn_eps != TORCHVISION_EPSILON:
        raise UserError(
            f"torchvision trained {backbone} with a batch-norm epsilon of {TORCHVISION_EPSILON:g}; "
            f"set model.bn_eps={TORCHVISION_EPSILON:g} to use its weights"
        )
    num_classes = weights["classifier.1.weight"].shape[0]
    with torch.device("meta"):
        wanted = timm.create_model(backbone, num_classes=num_classes).state_dict()
    same = len(wanted) == len(weights) and all(
        name.rsplit(".", 1)[-1] == other.rsplit(".", 1)[-1] and tensor.shape == weights[other].shape
        for (name, tensor), other in zip(wanted.items(), weights, strict=True)
    )
    if not same:
        raise UserError(f"model.weights: a torchvision file of another network than {backbone}")
    return dict(zip(wanted, weights.values(), strict=True))
