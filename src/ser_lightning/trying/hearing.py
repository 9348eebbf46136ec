"""A recording from a stranger's browser: refused by its size and its announced length before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ser_lightning.data.audio import BadAudioError, Clip, announced_seconds, hear

MEGABYTE = 2**20
"""As browsers and Gradio count."""


@dataclass(frozen=True)
class Limits:
    """The largest file and the longest recording that are taken."""

    megabytes: float
    seconds: float

    @property
    def num_bytes(self) -> int:
        """The largest file in bytes."""
        return int(self.megabytes * MEGABYTE)


def hear_within(path: Path, rate: int, limits: Limits) -> Clip:
    """The recording at `rate`; raises BadAudioError with the file's name where it is beyond the limits or unusable."""
    try:
        size = path.stat().st_size
        if size > limits.num_bytes:
            raise BadAudioError(f"has {size / MEGABYTE:.1f} MB; at most {limits.megabytes:g} MB are taken")
        seconds = announced_seconds(path)
        if seconds > limits.seconds:
            raise BadAudioError(f"lasts {duration(seconds)}; at most {duration(limits.seconds)} are taken")
        return hear(path, rate)
    except BadAudioError as error:
        raise BadAudioError(f"{path.name} {error}") from error


def duration(seconds: float) -> str:
    """A length of time in words.

    >>> duration(7.26), duration(600), duration(7200), duration(3725)
    ('7.3 s', '10 min', '2 h', '1 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    parts = ((minutes // 60, "h"), (minutes % 60, "min"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
