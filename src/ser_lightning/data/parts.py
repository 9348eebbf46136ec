"""The parts of a split."""

from __future__ import annotations

from typing import Literal

Part = Literal["train", "val", "test"]
PARTS: tuple[Part, ...] = ("train", "val", "test")
PAIRS: tuple[tuple[Part, Part], ...] = (("train", "val"), ("train", "test"), ("val", "test"))
"""Each two parts, in the order in which what they share is told."""
