"""The work of `listen`: chunks of a microphone or a file into a stream, its windows into bars or lines."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy.typing as npt
from rich.live import Live

from ser_lightning.config import ListenSettings, config_problems
from ser_lightning.data.audio import BadAudioError, blocks
from ser_lightning.errors import RunFailedError, UserError
from ser_lightning.evaluation.summary import model_lines
from ser_lightning.listening_view import Moment, bars, level_db, line
from ser_lightning.microphone import BLOCK_SECONDS, Blocks, microphone_lines, recording
from ser_lightning.recognition.answer import most_probable
from ser_lightning.recognition.recognizer import Recognizer
from ser_lightning.recognition.stream import Stream
from ser_lightning.terminal import err, out

Chunk = npt.NDArray[Any]


class Source(NamedTuple):
    """Chunks [time channel] at `rate` in Hz; `blocks` are those of a microphone, which may lose some."""

    name: str
    rate: int
    chunks: Iterable[Chunk]
    blocks: Blocks | None = None


def listen_live(config: Mapping[str, Any]) -> None:
    """Listen as configured; raises UserError before anything is heard, RunFailedError where a file is damaged."""
    if problems := config_problems(config, ListenSettings):
        raise UserError(problems)
    if config["microphones"]:
        out.print("\n".join(microphone_lines()) or "there is no microphone", markup=False)
        return
    if config["source"] and config["microphone"] is not None:
        raise UserError("microphone= and source= are one or the other; give one of them")
    run_dir = Path(config["run"]).expanduser()
    recognizer = Recognizer.load(run_dir, device=config["device"], threshold=config["threshold"])
    hop = min(config["hop_seconds"], recognizer.window / recognizer.rate)
    with opened(config, recognizer.rate) as source:
        stream = recognizer.stream(source.rate, hop_seconds=hop, smooth_seconds=config["smooth_seconds"])
        err.print(model_lines(run_dir), markup=False)
        err.print(f"listening to {source.name} at {source.rate:,} Hz; Ctrl-C ends it", markup=False)
        try:
            watch(source, stream, recognizer.threshold)
            _conclude(stream, source)
        except BadAudioError as error:
            raise RunFailedError(f"{source.name} {error}") from error


@contextmanager
def opened(config: Mapping[str, Any], rate: int) -> Iterator[Source]:
    """The microphone, or the file in its place; raises UserError."""
    if config["source"] is None:
        with recording(config["microphone"]) as microphone:
            yield Source(microphone.name, microphone.rate, microphone.blocks, microphone.blocks)
        return
    path = Path(config["source"]).expanduser()
    pieces = blocks(path, rate)
    try:
        first, file_rate = next(pieces)
    except BadAudioError as error:
        raise UserError(f"source: {path} {error}") from error
    except StopIteration:
        raise UserError(f"source: {path} holds no samples") from None
    chunks = in_chunks(chain([first], (piece for piece, _ in pieces)), max(1, round(BLOCK_SECONDS * file_rate)))
    yield Source(str(path), file_rate, in_real_time(chunks, file_rate) if config["pace"] == "real" else chunks)


def in_chunks(pieces: Iterable[Chunk], size: int) -> Iterator[Chunk]:
    """Pieces of a file, each cut into chunks of `size`."""
    for piece in pieces:
        yield from (piece[start : start + size] for start in range(0, len(piece), size))


def in_real_time(chunks: Iterable[Chunk], rate: int) -> Iterator[Chunk]:
    """Chunks when a microphone would have recorded them."""
    begun, played = time.monotonic(), 0
    for chunk in chunks:
        played += len(chunk)
        time.sleep(max(0.0, begun + played / rate - time.monotonic()))
        yield chunk


def watch(source: Source, stream: Stream, threshold: float | None) -> None:
    """Feed the stream until its source ends or Ctrl-C, and show each window: bars in a terminal, lines elsewhere."""
    live = Live(console=out, auto_refresh=False, transient=True) if out.is_terminal else None
    with live or nullcontext():
        try:
            for chunk in source.chunks:
                for window in stream.feed(chunk):
                    _show(moment_of(window.end, window.probabilities, chunk, source, threshold), live)
        except KeyboardInterrupt:
            pass
        for window in stream.finish():
            _show(moment_of(window.end, window.probabilities, None, source, threshold), live)


def moment_of(
    seconds: float, probabilities: Mapping[str, float], chunk: Chunk | None, source: Source, threshold: float | None
) -> Moment:
    """What there is to show."""
    return Moment(
        seconds,
        most_probable(dict(probabilities), threshold),
        dict(probabilities),
        None if chunk is None else level_db(chunk),
        lost=source.blocks.lost if source.blocks else 0,
        behind=source.blocks.waiting.qsize() * BLOCK_SECONDS if source.blocks else 0.0,
    )


def _show(moment: Moment, live: Live | None) -> None:
    if live is None:
        print(line(moment), flush=True)
    else:
        live.update(bars(moment), refresh=True)


def _conclude(stream: Stream, source: Source) -> None:
    """All that was heard, in a line or two."""
    answer = stream.answer
    values = sorted(answer.probabilities.items(), key=lambda item: -item[1])
    shares = ", ".join(f"{label} {value:.3f}" for label, value in values)
    out.print(f"in all, {answer.seconds:.1f} s: {answer.label} ({shares})", markup=False)
    for warning in answer.warnings:
        out.print(f"note: {warning}", markup=False)
    if source.blocks and source.blocks.lost:
        out.print(f"note: {source.blocks.lost} blocks of {BLOCK_SECONDS:g} s were lost, as there was no room for them")
