"""Paths by the column: joined and cut as pathlib does it, without an object for each."""

from __future__ import annotations

from pathlib import Path

import polars as pl


def beneath(folder: Path, paths: pl.Series) -> pl.Series:
    """What `str(folder / Path(path).expanduser())` gives for each: absolute ones stay, `~` is a home folder.

    pathlib is asked once for all files of a folder; and for each path whose last part is no plain name.

    >>> beneath(Path("/t"), pl.Series(["a.wav", "./b/c.wav", "../d//e.wav", "/f.wav"])).to_list()
    ['/t/a.wav', '/t/b/c.wav', '/t/../d/e.wav', '/f.wav']
    """
    name = paths.str.extract(r"([^/]*)$")
    above = paths.str.head(paths.str.len_chars() - name.str.len_chars())
    texts = above.unique()
    folders = [str(_joined(folder, text) / "x").removesuffix("x") for text in texts]
    joined = above.replace_strict(texts, pl.Series(folders, dtype=pl.String)) + name
    odd = name.str.contains(r"^(?:\.?$|~)")
    return joined.scatter(odd.arg_true(), [str(_joined(folder, path)) for path in paths.filter(odd)])


def _joined(folder: Path, path: str) -> Path:
    return folder / Path(path).expanduser()


def ending(path: pl.Expr, *, folders: int) -> pl.Expr:
    """The last so many folders and the file's name, without what follows its last dot.

    >>> paths = pl.Series(["/d/x/a.b.wav", "a.wav", "x/.wav"])
    >>> paths.to_frame("path").select(ending(pl.col("path"), folders=1))["path"].to_list()
    ['x/a.b', 'a', 'x/.wav']
    """
    return path.str.extract(rf"((?:[^/]*/){{0,{folders}}}(?:[^/]+?)?)(?:\.[^./]+)?$").str.strip_chars_start("/")
