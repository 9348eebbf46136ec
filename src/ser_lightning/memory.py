"""Running out of memory, which libraries say in many ways, told in one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ser_lightning.errors import RunFailedError

MEMORY_SIGNS = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "alloc_failed",
)
"""What libraries say, in lower case, when memory runs out."""


@contextmanager
def told_if_out_of_memory(advice: str) -> Iterator[None]:
    """Raise RunFailedError with `advice` where memory runs out; any other error passes."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error).lower()
        if not isinstance(error, MemoryError) and not any(sign in text for sign in MEMORY_SIGNS):
            raise
        raise RunFailedError(advice) from None
