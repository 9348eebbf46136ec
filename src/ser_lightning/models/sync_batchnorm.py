"""Batch-norm whose statistics are those of the batch over all GPUs.

timm's layers that hold batch-norm and activation in one need timm's own conversion: torch's would leave the activation
out, and say nothing.
"""

from __future__ import annotations

import timm.layers.norm_act
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def synchronised(network: nn.Module) -> nn.Module:
    """The same network with such batch-norm; the names in its state stay."""
    converted: nn.Module = timm.layers.norm_act.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return converted


def has_batchnorm(network: nn.Module) -> bool:
    """Whether any layer takes statistics of its batch."""
    return any(isinstance(layer, _BatchNorm) for layer in network.modules())
