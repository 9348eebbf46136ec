"""The files that a user means by paths, folders and patterns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ser_lightning.errors import UserError

WILD = "*?["
"""What makes a path a pattern."""


def find_inputs(inputs: Sequence[str], *, passed_over: Collection[str]) -> list[Path]:
    """All files, each once, in the order given; those of a folder (at any depth) and of a pattern by their names.

    Of folders and patterns hidden files are left out, and those whose ending is in `passed_over`. Raises UserError with
    every input that is not there or has no file.
    """
    found: dict[Path, Path] = {}
    problems = []
    for text in inputs:
        path = Path(text).expanduser()
        if path.is_file():
            files = [path]
        elif path.is_dir():
            files = _wanted(path.rglob("*"), path, passed_over)
        elif any(sign in text for sign in WILD):
            root = Path(path.anchor)
            files = _wanted(root.glob(str(path.relative_to(root))), root, passed_over)
        else:
            problems.append(f"inputs: there is no file or folder {text}")
            continue
        if not files:
            problems.append(f"inputs: {text} has no file that could be audio")
        for file in files:
            found.setdefault(file.resolve(), file)
    if problems:
        raise UserError(problems)
    return list(found.values())


def _wanted(paths: Iterable[Path], root: Path, passed_over: Collection[str]) -> list[Path]:
    return sorted(
        path
        for path in paths
        if path.is_file()
        and path.suffix.lower() not in passed_over
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
