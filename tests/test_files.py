"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

import ser_lightning
from ser_lightning.files import atomic_path, read_table, write_text


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


@pytest.mark.parametrize("name", ["[1].csv", "*.csv", "lr=0.1,?.csv"])
def test_a_table_is_read_from_a_file_of_any_name_and_columns_of_any_name(tmp_path, name):
    path = tmp_path / "a [b] {c}" / name
    write_text(path, '"c""d","""","a,b"\n1.50,,"say ""no"""\n')
    table = read_table(path)
    assert table.columns == ['c"d', '"', "a,b"]
    assert table.row(0) == ("1.50", None, 'say "no"')


def test_no_table_is_read_but_by_read_table():
    """Polars' own reading takes a path for a pattern and leaves quotes doubled."""
    files = sorted(Path(ser_lightning.__file__).parent.rglob("*.py"))
    assert len(files) > 45
    assert [path.name for path in files if "read_csv(" in path.read_text(encoding="utf-8")] == ["files.py"]
