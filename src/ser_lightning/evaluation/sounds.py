"""The clips of the report as sounds on the page, as many as there is room for."""

from __future__ import annotations

import io
from collections.abc import Sequence

import soundfile

from ser_lightning.evaluation.examples import Example
from ser_lightning.pages import data_uri


def sounds(examples: Sequence[Example], room: int) -> list[str | None]:
    """The clips as FLAC data URIs; None for a clip too long for what is left of `room`, in characters."""
    found = list[str | None]()
    for example in examples:
        sound = data_uri("audio/flac", flac(example))
        fits = len(sound) <= room
        room -= len(sound) if fits else 0
        found.append(sound if fits else None)
    return found


def flac(example: Example) -> bytes:
    """The clip as a FLAC file, sample for sample."""
    buffer = io.BytesIO()
    soundfile.write(buffer, example.wave, example.sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
