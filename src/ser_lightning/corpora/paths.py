"""Paths by the column: joined and cut as pathlib does it, without an object for each."""

from __future__ import annotations

from pathlib import Path

import polars as pl

ODD = r"^~|//|(?:^|/)\./|(?:^|/)\.?$"
"""What a path's text says else than that path's own text would: a home folder, an empty part, or one of a dot."""


def beneath(folder: Path, paths: pl.Series) -> pl.Series:
    """What `str(folder / Path(path).expanduser())` gives for each: absolute ones stay, `~` is a home folder.

    >>> beneath(Path("/t"), pl.Series(["a.wav", "./b/c.wav", "../d//e.wav", "/f.wav"])).to_list()
    ['/t/a.wav', '/t/b/c.wav', '/t/../d/e.wav', '/f.wav']
    """
    plain = paths.str.replace(r"^(?:\./+)+", "")
    odd = plain.str.contains(ODD)
    before = str(folder / "x").removesuffix("x")
    relative = pl.lit(before) + pl.col("path")
    joined = plain.to_frame("path").select(
        pl.when(pl.col("path").str.starts_with("/")).then("path").otherwise(relative)
    )
    exact = [str(folder / Path(path).expanduser()) for path in plain.filter(odd)]
    return joined["path"].scatter(odd.arg_true(), exact)


def ending(path: pl.Expr, *, folders: int) -> pl.Expr:
    """The last so many folders and the file's name, without what follows its last dot.

    >>> paths = pl.Series(["/d/x/a.b.wav", "a.wav", "x/.wav"])
    >>> paths.to_frame("path").select(ending(pl.col("path"), folders=1))["path"].to_list()
    ['x/a.b', 'a', 'x/.wav']
    """
    return path.str.extract(rf"((?:[^/]*/){{0,{folders}}}[^/]+?)(?:\.[^./]+)?$").str.strip_chars_start("/")
