"""Fixtures of the page's tests."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")


@pytest.fixture(scope="session")
def sparse_wave() -> Callable[..., None]:
    """Write hours of 8 kHz silence that take no room on disk: `sparse_wave(path, seconds=7200)`."""

    def write(path: Path, *, seconds: int) -> None:
        size = 2 * 8000 * seconds
        with path.open("wb") as file:
            file.write(HEADER.pack(b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", size))
            file.truncate(HEADER.size + size)

    return write
