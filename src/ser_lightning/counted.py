"""Counted randomness: what a clip draws in an epoch is a function of (seed, epoch, clip, draw), nothing else.

No generator is advanced, so a draw does not change with workers, ranks, batch size, device or a resume. The
function is SplitMix64 (Steele, Lea & Flood 2014, OOPSLA, "Fast splittable pseudorandom number generators"), in
int64 tensors, whose sums and products wrap around as it needs.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

GAMMA = -7046029254386353131  # 0x9e3779b97f4a7c15 as int64
MIX_1 = -4658895280553007687  # 0xbf58476d1ce4e5b9
MIX_2 = -7723592293110705685  # 0x94d049bb133111eb
VISIT_BITS = 40  # a table has fewer than 2^40 rows
MASK_64 = (1 << 64) - 1


class Key(NamedTuple):
    """What the draws of a batch are counted by; `clip` are rows of the run's table."""

    seed: int
    epoch: int
    clip: Int64[Tensor, batch]


def visited(clip: Int64[Tensor, batch], visit: Int64[Tensor, batch]) -> Int64[Tensor, batch]:
    """Clips to count by where an epoch draws a clip several times: rows and visits in one number."""
    return clip + (visit << VISIT_BITS)


def uniform(key: Key, draw: str) -> Float[Tensor, batch]:
    """One float32 in [0, 1) for each clip, on the clips' device; `draw` names what it is drawn for."""
    stream = _mix_int(_mix_int(_mix_int(key.seed) ^ key.epoch) ^ zlib.crc32(draw.encode()))
    state = _mix(_mix(key.clip ^ stream))
    return _shifted(state, 40).to(torch.float32) * 2.0**-24


def uniform_between(key: Key, draw: str, low: float, high: float) -> Float[Tensor, batch]:
    """One float32 in [low, high) for each clip."""
    return low + (high - low) * uniform(key, draw)


def step_seed(seed: int, step: int, rank: int) -> int:
    """A generator seed for what cannot be counted by clip, such as dropout: a function of (seed, step, rank)."""
    return _mix_int(_mix_int(_mix_int(seed) ^ step) ^ rank) & (MASK_64 >> 1)


def _mix(x: Int64[Tensor, batch]) -> Int64[Tensor, batch]:
    x = x + GAMMA
    x = (x ^ _shifted(x, 30)) * MIX_1
    x = (x ^ _shifted(x, 27)) * MIX_2
    return x ^ _shifted(x, 31)


def _shifted(x: Int64[Tensor, batch], bits: int) -> Int64[Tensor, batch]:
    """A logical right shift: int64 shifts keep the sign, so it is masked away."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix_int(x: int) -> int:
    """The same mixing of one integer, as a signed 64-bit value."""
    x = (x + GAMMA) & MASK_64
    x = ((x ^ (x >> 30)) * MIX_1) & MASK_64
    x = ((x ^ (x >> 27)) * MIX_2) & MASK_64
    return _signed(x ^ (x >> 31))


def _signed(x: int) -> int:
    x &= MASK_64
    return x - (1 << 64) if x >> 63 else x
