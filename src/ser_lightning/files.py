"""Whole files or none, written under a temporary name and renamed; tables of text, read as they were written; columns.

A file of columns is Arrow's own format without compression: mapped, not read, so that a million rows take neither time
nor memory until they are looked at. Polars copies such a file; pyarrow maps it, and Polars works on what is mapped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed to it when the block ends well, removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file in one rename."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_table(path: Path) -> pl.DataFrame:
    """A CSV whose values are all text, null where empty; bytes that are not UTF-8 become U+FFFD.

    The path is taken as it is: to Polars alone, `[1]` in it would be a pattern. Polars also leaves the quotes within
    the names of columns doubled. Raises OSError and Polars' own errors.
    """
    import polars as pl

    table = pl.read_csv(path, infer_schema=False, glob=False, encoding="utf8-lossy")
    return table.rename({name: name.replace('""', '"') for name in table.columns})


def write_columns(path: Path, table: pl.DataFrame) -> None:
    """Write a table for `map_columns`."""
    table.write_ipc(path, compression="uncompressed", record_batch_size=max(1, len(table)))


def map_columns(path: Path) -> pl.DataFrame:
    """The table that `write_columns` wrote, its columns where they lie on disk; raises OSError."""
    import polars as pl
    import pyarrow

    with pyarrow.memory_map(str(path)) as source:
        table = pl.from_arrow(pyarrow.ipc.open_file(source).read_all())
    assert isinstance(table, pl.DataFrame), "a file holds a table"
    return table
