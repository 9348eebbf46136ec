"""A recording of any length from a file, a few seconds at a time, so that hours take no more memory than a minute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ser_lightning.data.audio import BadAudioError, blocks
from ser_lightning.recognition.answer import Answer
from ser_lightning.recognition.recognizer import Recognizer
from ser_lightning.recognition.stream import Stream


def answer_recording(
    recognizer: Recognizer, path: Path, *, hop_seconds: float | None = None, smooth_seconds: float = 0.0
) -> Answer:
    """The recognizer's answer for a file, with a timeline of windows every `hop_seconds`; raises BadAudioError.

    The label and the probabilities are those of `recognizer(path)`, whatever the hop.
    """
    stream: Stream | None = None
    windows = []
    for block, rate in blocks(path, recognizer.rate):
        if stream is None:
            stream = recognizer.stream(rate, hop_seconds=hop_seconds, smooth_seconds=smooth_seconds)
        windows += stream.feed(block)
    if stream is None:
        raise BadAudioError("holds no samples")
    windows += stream.finish()
    if not windows:
        raise BadAudioError(f"is too short: it is not one sample at {recognizer.rate} Hz")
    return replace(stream.answer, timeline=tuple(windows))
