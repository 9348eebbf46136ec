"""(optimizer, total_steps) -> learning-rate schedule, per optimizer step."""

from __future__ import annotations

import math
from typing import Annotated

from annotated_types import Interval
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

Fraction = Annotated[float, Interval(ge=0, le=1)]


def warmup_cosine(
    optimizer: Optimizer, total_steps: int, *, warmup_fraction: Fraction = 0.1, final_fraction: Fraction = 0.01
) -> LambdaLR:
    """Linear warm-up over `warmup_fraction` of the steps, then a cosine down to `final_fraction` of the rate.

    (Loshchilov & Hutter 2017, SGDR, without restarts.)
    """
    warmup = round(warmup_fraction * total_steps)
    return LambdaLR(optimizer, lambda step: warmup_cosine_factor(step, warmup, total_steps, final_fraction))


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:  # noqa: ARG001 (the common interface)
    """The optimizer's rate throughout."""
    return LambdaLR(optimizer, lambda _: 1.0)


def warmup_cosine_factor(step: int, warmup: int, total_steps: int, final_fraction: float) -> float:
    """What the rate is multiplied by at a step counted from 0.

    >>> [round(warmup_cosine_factor(s, 2, 6, 0.0), 3) for s in range(7)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, total_steps - warmup))
    return final_fraction + (1 - final_fraction) * 0.5 * (1 + math.cos(math.pi * progress))
