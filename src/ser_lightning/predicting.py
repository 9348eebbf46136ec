"""The work of `predict`: files one after the other, whatever is wrong with some of them, or a stream of samples.

What cannot be heard is named with its reason and the others are answered; the command then ends with exit code 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import rich.box
import rich.table
from rich.markup import escape
from rich.progress import track

from ser_lightning.config import PredictSettings, config_problems
from ser_lightning.corpora.folder import NOT_AUDIO
from ser_lightning.data.audio import BadAudioError
from ser_lightning.errors import RunFailedError, UserError, noted
from ser_lightning.evaluation.summary import model_lines
from ser_lightning.recognition.answer import most_probable
from ser_lightning.recognition.answers import (
    LABELS,
    TABLES,
    Heard,
    answer_row,
    check_output,
    whole_row,
    window_row,
    write_rows,
    write_segments,
)
from ser_lightning.recognition.inputs import find_inputs
from ser_lightning.recognition.recognizer import Recognizer
from ser_lightning.recognition.recordings import answer_recording
from ser_lightning.recognition.segments import segments
from ser_lightning.terminal import err, out, print_table

STDIN = "-"
CHUNK_SECONDS = 0.1
MOST_ROWS = 200
"""More than so many files are not all printed, where they are written to a file."""


def predict_inputs(config: Mapping[str, Any]) -> None:
    """Predict as configured; raises UserError before anything is heard, RunFailedError where some could not be."""
    if problems := config_problems(config, PredictSettings):
        raise UserError(problems)
    inputs = [config["inputs"]] if isinstance(config["inputs"], str) else config["inputs"]
    problems = _target_problems(config)
    files: list[Path] = []
    if inputs == [STDIN]:
        problems += _stream_problems(config)
    else:
        problems += _file_problems(config)
        with noted(problems):
            files = find_inputs(inputs, passed_over=NOT_AUDIO)
    recognizer: Recognizer | None = None
    with noted(problems):
        asked = {key: config[key] for key in ("device", "threshold", "batch_size")}
        recognizer = Recognizer.load(config["run"], **asked)
        recognizer.hop(config["hop_seconds"])
    if problems or recognizer is None:
        raise UserError(problems)
    err.print(model_lines(Path(config["run"]).expanduser()), markup=False)
    if inputs == [STDIN]:
        _hear_stream(recognizer, config, sys.stdin.buffer)
    else:
        _hear_files(recognizer, config, files)


def _target_problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the files that are to be written."""
    problems = check_output("output", config["output"], TABLES) if config["output"] else []
    target = config["segments"]
    if target and Path(target).suffix and not Path(target).is_dir():
        problems += check_output("segments", target, (*TABLES, LABELS))
    return problems


def _stream_problems(config: Mapping[str, Any]) -> list[str]:
    problems = [] if config["rate"] else ["inputs=-: samples do not say how fast they are; give rate=, such as 16000"]
    written = [f"{key}= is of files; of standard input a line a window is printed" for key in ("output", "segments")]
    return problems + [text for text in written if config[text.split("=")[0]]]


def _file_problems(config: Mapping[str, Any]) -> list[str]:
    keys = [key for key in ("rate", "smooth_seconds") if config[key]]
    return [f"{key}= is of standard input (inputs=-), and has no effect on files" for key in keys]


def _hear_files(recognizer: Recognizer, config: Mapping[str, Any], files: Sequence[Path]) -> None:
    target = config["segments"]
    if target and Path(target).suffix.lower() == LABELS and len(files) > 1 and not Path(target).is_dir():
        raise UserError(f"segments={target} is a label file of one recording, there are {len(files)}; name a folder")
    hop = config["hop_seconds"] or (recognizer.window / recognizer.rate / 4 if target else None)
    shown = track(files, "hearing", console=err, transient=True, disable=not err.is_terminal)
    heard = [_hear(recognizer, file, hop, asked=target is not None) for file in shown]
    if len(files) <= MOST_ROWS or not config["output"]:
        print_table(out, _table(heard))
    if config["output"]:
        write_rows(Path(config["output"]), [answer_row(one, recognizer.labels) for one in heard])
        out.print(f"answers:  {config['output']}", markup=False)
    if target:
        written = write_segments(Path(target), heard)
        out.print(f"segments: {target}" + (f" ({len(written)} files)" if len(written) > 1 else ""), markup=False)
    failed = [one for one in heard if one.answer is None]
    for one in failed:
        err.print(f"{one.path} {one.error}", style="red", markup=False)
    if failed:
        raise RunFailedError(f"{len(failed)} of {len(files)} files could not be heard; the others were answered")


def _hear(recognizer: Recognizer, path: Path, hop: float | None, *, asked: bool) -> Heard:
    """The answer for a file, with its segments where they are `asked` for; or why there is none."""
    try:
        answer = answer_recording(recognizer, path, hop_seconds=hop)
    except BadAudioError as error:
        return Heard(path, None, str(error))
    found = segments(answer.timeline, threshold=recognizer.threshold) if asked else []
    return Heard(path, answer, segments=tuple(found))


def _table(all_heard: Sequence[Heard]) -> rich.table.Table:
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    for name, side in (("file", "left"), ("emotion", "left"), ("probability", "right"), ("next", "left")):
        table.add_column(name, justify="right" if side == "right" else "left")
    table.add_column("seconds", justify="right")
    table.add_column("")
    for one in all_heard:
        if one.answer is None:
            table.add_row(escape(str(one.path)), "[red]not heard[/red]", "", "", "", escape(one.error))
            continue
        first, second, *_ = sorted(one.answer.probabilities.items(), key=lambda item: -item[1])
        label = one.answer.label if one.answer.label == first[0] else f"{one.answer.label}: {first[0]}?"
        table.add_row(
            escape(str(one.path)),
            escape(label),
            f"{first[1]:.3f}",
            escape(f"{second[0]} {second[1]:.3f}"),
            f"{one.answer.seconds:.2f}",
            escape("; ".join(one.answer.warnings)),
        )
    return table


def _hear_stream(recognizer: Recognizer, config: Mapping[str, Any], source: BinaryIO) -> None:
    """A line of JSON a window, as soon as it is whole, then one for all."""
    stream = recognizer.stream(
        config["rate"], hop_seconds=config["hop_seconds"], smooth_seconds=config["smooth_seconds"]
    )
    for chunk in pcm(source, round(CHUNK_SECONDS * config["rate"])):
        for window in stream.feed(chunk):
            _say(window_row(window, most_probable(window.probabilities, recognizer.threshold)))
    for window in stream.finish():
        _say(window_row(window, most_probable(window.probabilities, recognizer.threshold)))
    try:
        _say(whole_row(stream.answer))
    except BadAudioError as error:
        raise RunFailedError(f"standard input {error}") from error


def pcm(source: BinaryIO, num_samples: int) -> Iterator[np.ndarray[Any, np.dtype[np.int16]]]:
    """Chunks of 16-bit samples, the lower byte first; a last byte without its other half is no sample."""
    while data := source.read(2 * num_samples):
        yield np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16)


def _say(row: Mapping[str, object]) -> None:
    print(json.dumps(row, ensure_ascii=False), flush=True)
