"""How exactly float32 products are taken on a GPU: TF32 keeps ten bits of each factor, and is said, never implied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def allow_tf32(*, allowed: bool) -> None:
    """Let matrix products and convolutions of float32 use TF32, from here on; it concerns NVIDIA GPUs alone."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed


@contextmanager
def exact_float32() -> Iterator[None]:
    """Take products in whole float32 inside, whatever is allowed outside."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    allow_tf32(allowed=False)
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
