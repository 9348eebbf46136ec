"""A file is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import ser_lightning
from ser_lightning.files import atomic_path, map_columns, read_table, write_columns, write_text


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


def anonymous_mb() -> float:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) / 1024


@pytest.mark.parametrize("num", [0, 1, 1000])
def test_columns_are_mapped_as_they_were_written(tmp_path: Path, num: int):
    row = pl.int_range(num, dtype=pl.Int64)
    table = pl.select(
        clip=pl.format("a clip with a long name {}", row),
        seconds=row / 3,
        note=pl.lit(pl.Series(["", "odd"])).gather(row % 2).cast(pl.Categorical),
        nothing=pl.lit(None, pl.Float64),
    ).head(num)
    write_columns(tmp_path / "x.arrow", table)
    found = map_columns(tmp_path / "x.arrow")
    assert found.schema == table.schema
    assert found.equals(table)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="anonymous memory is told by Linux")
def test_a_mapped_table_takes_no_memory_of_its_own(tmp_path: Path):
    row = pl.int_range(10**6, dtype=pl.Int64)
    write_columns(tmp_path / "x.arrow", pl.select(clip=pl.format("a clip with a long name {}", row)))
    map_columns(tmp_path / "x.arrow")  # what opening any file costs once
    before = anonymous_mb()
    found = map_columns(tmp_path / "x.arrow")
    assert found["clip"][999_999] == "a clip with a long name 999999"
    assert anonymous_mb() - before < 10  # its column alone has 46 MB


def test_columns_that_are_missing_are_an_os_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"x\.arrow"):
        map_columns(tmp_path / "x.arrow")
