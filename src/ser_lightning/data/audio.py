"""Decode one file to int16 samples at one rate: the only place that touches an audio codec.

The store, the Recognizer and predict all hear a clip through `read_clip`, so a model never meets audio in
production that was prepared otherwise than in training. Files are trusted by their content, not by their name:
libsndfile finds the type, and what it passes over in silence (a WAV cut short, NaN samples, zero frames) is
checked here.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

FULL_SCALE = 32768.0
"""int16 full scale: sample = round(32768 x), clamped to [-32768, 32767]."""
SHORT_SECONDS = 0.1
"""A clip shorter than this holds hardly one sound; it is used, and named."""

LOUDEST = 2.0**40
"""Beyond this many times full scale numbers are no samples: what float32 makes of other bytes."""
UNKNOWN_LENGTH = 2**62
"""libsndfile gives a number beyond this where a FLAC was written to a pipe and does not say how long it is."""

RATES = (1000, 768_000)
"""Hz, outside of which no sound is recorded; a damaged header may say anything."""
SLACK_SECONDS = 0.1
"""How far a compressed file's announced length, or a table's segment end, may lie beyond the last sample."""


Decoded = npt.NDArray[Any]
"""int16 or float32 samples [time channel]."""


class BadAudioError(ValueError):
    """A file that cannot be used, with the reason in words."""


@dataclass(frozen=True)
class Clip:
    """One decoded clip: int16 samples [time], and what is worth telling of its file."""

    samples: npt.NDArray[np.int16]
    file_rate: int
    channels: int
    note: str = ""


def read_clip(path: Path, rate: int, *, start: float | None = None, end: float | None = None) -> Clip:
    """Decode, downmix (mean of the channels), resample (soxr HQ) and round to int16.

    `start` and `end` are seconds within the file. Raises BadAudioError with the reason where the file is missing,
    unreadable, cut short, empty, silent throughout, or holds samples that are not numbers.
    """
    clip = hear(path, rate, start=start, end=end)
    if not clip.samples.any():
        raise BadAudioError("is silent throughout (every sample is zero)")
    return clip


def hear(path: Path, rate: int, *, start: float | None = None, end: float | None = None) -> Clip:
    """The same as `read_clip`, silence too."""
    return as_clip(*_decode(path, rate, start, end), rate)


def blocks(path: Path, rate: int, *, most: int = 2**20) -> Iterator[tuple[Decoded, int]]:
    """The samples [time channel] of a file, up to `most` at a time, with its rate; as `hear` decodes it, and refuses.

    int16 where they are a clip's samples at `rate` already, else float32.
    """
    with _opened(path) as file:
        kind = _sample_type(file, rate)
        there = 0
        while len(block := _read(file, max(1, most // file.channels), kind)):
            there += len(block)
            yield block, file.samplerate
        _refuse_cut_short(file, there, file.frames)


def as_clip(wave: Decoded, wave_rate: int, rate: int) -> Clip:
    """Samples [time channel] as a clip at `rate`; int16 of one channel at this rate are taken as they are.

    Raises BadAudioError where there are none, or where they are not numbers.
    """
    if wave.shape[0] == 0:
        raise BadAudioError("holds no samples")
    finished = wave.dtype == np.int16 and wave.shape[1] == 1 and wave_rate == rate
    samples, clipped = (wave[:, 0], 0) if finished else _converted(wave, wave_rate, rate)
    if len(samples) == 0:
        raise BadAudioError(f"is too short: {len(wave)} frames at {wave_rate} Hz are not one sample at {rate} Hz")
    return Clip(samples, wave_rate, wave.shape[1], _note(samples, rate, clipped))


def _converted(wave: Decoded, file_rate: int, rate: int) -> tuple[npt.NDArray[np.int16], int]:
    """Samples [time channel] as int16 at `rate`, and how many were clamped."""
    return to_int16(resample(downmixed(wave), file_rate, rate))


def downmixed(wave: Decoded) -> npt.NDArray[np.float32]:
    """The mean of the channels of samples [time channel], one at least, in full scale [time].

    Raises BadAudioError where they are not numbers.
    """
    if wave.dtype == np.int16:
        wave = wave * np.float32(1 / FULL_SCALE)
    _refuse_what_is_no_sound(wave)
    mono: npt.NDArray[np.float32] = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1, dtype=np.float32)
    return mono


def resample(wave: npt.NDArray[np.float32], rate_in: int, rate_out: int) -> npt.NDArray[np.float32]:
    """Resample [time] by soxr at its HQ setting."""
    if rate_in == rate_out:
        return wave
    resampled: npt.NDArray[np.float32] = soxr.resample(wave, rate_in, rate_out, quality="HQ")
    return resampled


def to_int16(wave: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int16], int]:
    """Round to int16; the second value counts samples that were clearly beyond full scale and clamped.

    >>> to_int16(np.array([0.0, 0.5, -1.0, 2.0], dtype=np.float32))
    (array([     0,  16384, -32768,  32767], dtype=int16), 1)
    """
    scaled = wave * np.float32(FULL_SCALE)
    np.rint(scaled, out=scaled)
    beyond = max(scaled.max(initial=0), -scaled.min(initial=0)) > FULL_SCALE * 1.1
    clipped = int((np.abs(scaled) > FULL_SCALE * 1.1).sum()) if beyond else 0
    np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1, out=scaled)
    return scaled.astype(np.int16), clipped


def _note(samples: npt.NDArray[np.int16], rate: int, clipped: int) -> str:
    if clipped:
        return f"{clipped} samples are far beyond full scale and were clamped"
    if len(samples) < SHORT_SECONDS * rate:
        return f"lasts only {len(samples) / rate:.3f} s; used as it is"
    return ""


def _decode(path: Path, rate: int, start: float | None, end: float | None) -> tuple[Decoded, int]:
    """Samples [time channel] and the file's rate; int16 where these are the clip's samples already, else float32."""
    with _opened(path) as file:
        first, last = _frames(file, start, end)
        if first:
            file.seek(first)
        wave = _read(file, last - first, _sample_type(file, rate))
        _refuse_cut_short(file, len(wave), last - first)
        return wave, file.samplerate


def _sample_type(file: soundfile.SoundFile, rate: int) -> Literal["int16", "float32"]:
    finished = file.subtype == "PCM_16" and file.channels == 1 and file.samplerate == rate
    return "int16" if finished else "float32"


def _read(file: soundfile.SoundFile, frames: int, kind: Literal["int16", "float32"]) -> Decoded:
    try:
        wave: Decoded = file.read(frames, dtype=kind, always_2d=True)
    except soundfile.LibsndfileError as error:
        raise BadAudioError(f"is damaged or cut short: {error.error_string.rstrip('.')}") from error
    except MemoryError as error:
        raise BadAudioError(f"announces {frames:,} frames, which do not fit into memory") from error
    return wave


def _refuse_cut_short(file: soundfile.SoundFile, there: int, announced: int) -> None:
    if there < announced - SLACK_SECONDS * file.samplerate:
        raise BadAudioError(f"is cut short: {announced} frames announced, {there} there")


def _opened(path: Path) -> soundfile.SoundFile:
    """The file, open; libsndfile's own reason is not passed on, as other threads may overwrite it."""
    try:
        with path.open("rb") as content:
            head = _refuse_what_is_not_audio(content, path.suffix.lower())
    except OSError as error:
        raise BadAudioError(f"cannot be opened: {(error.strerror or str(error)).lower()}") from error
    try:
        file = soundfile.SoundFile(os.fspath(path))
    except soundfile.LibsndfileError as error:
        text = head.split(b"\n")[0].decode("ascii", errors="replace").strip()
        kind = f": it is text that begins with {text!r}" if text and text.isascii() and text.isprintable() else ""
        raise BadAudioError(f"is no audio that libsndfile reads{kind}") from error
    if not RATES[0] <= file.samplerate <= RATES[1]:
        file.close()
        raise BadAudioError(f"says that it was recorded at {file.samplerate:,} Hz, which is no rate of sound")
    if file.frames > UNKNOWN_LENGTH:
        file.close()
        raise BadAudioError("does not say how long it is, as when written to a pipe; convert it into a file again")
    return file


def _refuse_what_is_no_sound(wave: Decoded) -> None:
    largest = max(float(wave.max()), -float(wave.min()))
    if not math.isfinite(largest):
        raise BadAudioError(f"holds {int((~np.isfinite(wave)).sum())} samples that are not finite numbers")
    if largest > LOUDEST:
        raise BadAudioError(f"holds samples up to {largest:.1e} times full scale, which are no sound")


def _frames(file: soundfile.SoundFile, start: float | None, end: float | None) -> tuple[int, int]:
    """First and last frame of a segment; a segment that ends a little after the file ends with it."""
    first = round((start or 0.0) * file.samplerate)
    last = file.frames if end is None else round(end * file.samplerate)
    beyond = last > file.frames + SLACK_SECONDS * file.samplerate
    last = min(last, file.frames)
    if beyond or not 0 <= first < max(last, 1):
        until = "its end" if end is None else f"{end:g} s"
        raise BadAudioError(
            f"has no segment from {start or 0.0:g} s to {until}: it lasts {file.frames / file.samplerate:.3f} s"
        )
    return first, last


def _refuse_what_is_not_audio(file: BinaryIO, suffix: str) -> bytes:
    """Raise BadAudioError for what libsndfile takes amiss or not at all; the file's first bytes."""
    head = file.read(48)
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise BadAudioError("is empty (0 bytes)")
    if head.startswith(b"version https://git-lfs"):
        raise BadAudioError("is a git-LFS pointer, not audio; fetch the real file with `git lfs pull`")
    if head[:4] in (b"RIFF", b"FORM") and head[8:12] in (b"WAVE", b"AIFF", b"AIFC"):
        _check_chunks(file, size, big_endian=head[:4] == b"FORM")
    if suffix == ".raw":
        raise BadAudioError("is named .raw, so libsndfile looks for no header with its rate; name or convert it to WAV")
    return head


def _check_chunks(file: BinaryIO, size: int, *, big_endian: bool) -> None:
    """Walk the chunks to the sample data: libsndfile reads a file that ends early without a word."""
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack(">4sI" if big_endian else "<4sI", file.read(8))
        if name in (b"data", b"SSND"):
            streamed = length in (0, 0x7FFFFFFF, 0xFFFFFFFF) or length >= 0x7FFF0000
            if not streamed and position + 8 + length > size:
                raise BadAudioError(f"is cut short: {length} bytes announced, {size - position - 8} there")
            return
        position += 8 + length + length % 2
