"""Paths by the column are pathlib's, however oddly they are written."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser_lightning.corpora.paths import beneath, ending

PARTS = st.sampled_from(["a", "b.wav", "c.d.flac", ".wav", "..wav", "e..f", "g h", "ü\n.wav", ".."])
WRITTEN = st.builds(
    lambda start, parts, end: start + "".join(parts) + end,
    st.sampled_from(["", "/", "//", "///", "./", ".//./", "~/", ".//~/", "d/~/", "/./"]),
    st.lists(st.builds(lambda part, sep: part + sep, PARTS, st.sampled_from(["/", "//", "/./"])), max_size=4),
    st.one_of(PARTS, st.sampled_from(["", ".", "./"])),
)


def of(path: str, folders: int) -> str:
    """What `ending` gives, for one path and by pathlib."""
    parts = Path(path).parts[:-1]
    return "/".join([*parts[len(parts) - folders :] * (folders > 0), Path(path).stem]).lstrip("/")


@pytest.mark.parametrize("folder", ["/t/u", "/", "//t", ".", "rel", "../up"])
@given(written=st.lists(WRITTEN, max_size=8))
def test_joined_paths_are_those_of_pathlib(folder: str, written: list[str]):
    expected = [str(Path(folder) / Path(path).expanduser()) for path in written]
    assert beneath(Path(folder), pl.Series(written, dtype=pl.String)).to_list() == expected


def test_a_home_folder_is_the_users(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/home/me")
    written = pl.Series(["~/a.wav", "./~/b//c.wav", "~", "d/~/e.wav", "~/"])
    assert beneath(Path("/t"), written).to_list() == [
        "/home/me/a.wav",
        "/home/me/b/c.wav",
        "/home/me",
        "/t/d/~/e.wav",
        "/home/me",
    ]


@pytest.mark.parametrize("folders", [0, 1, 2, 9])
@given(
    paths=st.lists(
        st.builds(
            lambda root, parts: str(Path(root, *parts)), st.sampled_from(["/", "//", "x"]), st.lists(PARTS, max_size=5)
        ),
        max_size=8,
    )
)
def test_endings_are_those_of_pathlib(folders: int, paths: list[str]):
    table = pl.DataFrame({"path": paths}, schema={"path": pl.String})
    got = table.select(ending(pl.col("path"), folders=folders))["path"].to_list()
    assert got == [of(path, min(folders, len(Path(path).parts) - 1)) for path in paths]
