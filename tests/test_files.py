"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ser_lightning.files import atomic_path, write_text


def test_nothing_bears_the_name_before_the_block_ends(tmp_path: Path):
    path = tmp_path / "new" / "metrics.json"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert (path.exists(), temporary.parent) == (False, path.parent)
    assert path.read_text() == "whole"
    assert [entry.name for entry in path.parent.iterdir()] == ["metrics.json"]


def write_half(path: Path) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise InterruptedError


def test_an_error_leaves_the_old_file_and_no_other(tmp_path: Path):
    path = tmp_path / "metrics.json"
    path.write_text("old")
    with pytest.raises(InterruptedError):
        write_half(path)
    assert {entry.name: entry.read_text() for entry in tmp_path.iterdir()} == {"metrics.json": "old"}


def test_an_error_before_anything_was_written_leaves_nothing(tmp_path: Path):
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "new" / "a.txt"):
        _ = 1 / 0
    assert list((tmp_path / "new").iterdir()) == []


def test_write_text_replaces_and_keeps_every_letter(tmp_path: Path):
    path = tmp_path / "deep" / "note.txt"
    write_text(path, "old")
    write_text(path, "Grüße, 感情\n")
    assert path.read_bytes() == "Grüße, 感情\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["note.txt"]
