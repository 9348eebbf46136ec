"""AdamW over a network's parameters, the backbone at a smaller rate where asked, norms and biases not decayed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Interval
from torch import nn

from ser_lightning.models.network import EmotionNetwork

Beta = Annotated[float, Interval(ge=0, lt=1)]


def adamw(
    network: EmotionNetwork,
    *,
    lr: Annotated[float, Gt(0)] = 1e-3,
    weight_decay: Annotated[float, Ge(0)] = 0.01,
    beta1: Beta = 0.9,
    beta2: Beta = 0.999,
    backbone_lr_scale: Annotated[float, Gt(0)] = 1.0,
) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019), all parameters in one kernel; the backbone learns at lr x backbone_lr_scale."""
    groups = _groups(network.head.parameters(), lr, weight_decay)
    groups += _groups(network.backbone.parameters(), lr * backbone_lr_scale, weight_decay)
    return torch.optim.AdamW(groups, lr=lr, betas=(beta1, beta2), fused=True)


def _groups(parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices and kernels decay; vectors (biases, norms) do not."""
    everything = list(parameters)
    decayed = [p for p in everything if p.ndim > 1]
    plain = [p for p in everything if p.ndim <= 1]
    return [
        {"params": decayed, "lr": lr, "weight_decay": weight_decay},
        {"params": plain, "lr": lr, "weight_decay": 0.0},
    ]
