"""Answers as rows, and rows as files: CSV, JSON lines, and the label files of Audacity."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ser_lightning.files import write_text
from ser_lightning.recognition.answer import Answer, Window
from ser_lightning.recognition.segments import Segment, label_line

Row = dict[str, object]
TABLES = (".csv", ".jsonl")
LABELS = ".txt"


@dataclass(frozen=True)
class Heard:
    """A file with what was heard in it, or why it could not be: one of both."""

    path: Path
    answer: Answer | None
    error: str = ""
    segments: tuple[Segment, ...] = ()


def answer_row(heard: Heard, labels: Sequence[str]) -> Row:
    """path, label, confidence, a probability `p_<label>` each, seconds, warnings, error; empty where it failed."""
    answer = heard.answer
    return {
        "path": str(heard.path),
        "label": answer.label if answer else None,
        "confidence": answer.confidence if answer else None,
        **{f"p_{label}": answer.probabilities[label] if answer else None for label in labels},
        "seconds": answer.seconds if answer else None,
        "warnings": "; ".join(answer.warnings) if answer else "",
        "error": heard.error,
    }


def window_row(window: Window, label: str) -> Row:
    """start, end, label, and a probability each, of a window."""
    return {"start": window.start, "end": window.end, "label": label} | _named(window.probabilities)


def whole_row(answer: Answer) -> Row:
    """The same of all that was heard."""
    ends: Row = {"start": 0.0, "end": answer.seconds, "label": answer.label}
    return {**ends, **_named(answer.probabilities), "warnings": list(answer.warnings), "whole": True}


def _named(probabilities: Mapping[str, float]) -> Row:
    return {f"p_{label}": value for label, value in probabilities.items()}


def check_output(key: str, path: str, suffixes: Sequence[str]) -> list[str]:
    """What is wrong with the name of a file to be written: no such ending is known, or a folder has it."""
    found = Path(path)
    if found.suffix.lower() not in suffixes:
        return [f"{key}={path}: the ending says what is written, {', '.join(suffixes)}"]
    return [f"{key}={path} is a folder"] if found.is_dir() else []


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Rows as CSV or JSON lines, by the ending; in one rename."""
    if path.suffix.lower() == ".jsonl":
        write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_segments(target: Path, all_heard: Sequence[Heard]) -> list[Path]:
    """The segments of what was heard: a table, or label files, one or in a folder; the files that were written."""
    if target.suffix.lower() in TABLES:
        rows: list[Row] = [{"path": str(one.path), **asdict(part)} for one in all_heard for part in one.segments]
        write_rows(target, rows)
        return [target]
    answered = [one for one in all_heard if one.answer is not None]
    names = label_names([one.path for one in answered])
    files = [target] * len(answered) if target.suffix.lower() == LABELS else [target / name for name in names]
    for file, one in zip(files, answered, strict=True):
        write_text(file, "".join(label_line(segment) + "\n" for segment in one.segments))
    return files


def label_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file's labels; those of one name are told apart by a number.

    >>> label_names([Path("a/x.wav"), Path("b/x.wav"), Path("y.flac")])
    ['x.txt', 'x_2.txt', 'y.txt']
    """
    names: dict[str, None] = {}
    for path in paths:
        tries = (f"{path.stem}{f'_{number}' if number > 1 else ''}{LABELS}" for number in range(1, len(paths) + 1))
        names[next(name for name in tries if name not in names)] = None
    return list(names)
