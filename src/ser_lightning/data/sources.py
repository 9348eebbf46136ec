"""What a store is made of: the clips to decode, as columns, so that a million of them are four arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

SCHEMA = pl.Schema({"path": pl.String(), "start": pl.Float64(), "end": pl.Float64(), "copies": pl.List(pl.String())})


@dataclass(frozen=True, kw_only=True)
class Source:
    """One clip to decode, and further files that must hold the same samples; start and end in seconds."""

    path: str
    start: float | None = None
    end: float | None = None
    copies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sources:
    """A row a clip, in the store's order: path, start and end (null: the whole file), copies (null: none)."""

    table: pl.DataFrame

    def __len__(self) -> int:
        return len(self.table)

    def rows(self, first: int, last: int) -> list[Source]:
        """The clips from row `first` to before `last`: a worker's share."""
        few = self.table[first:last].iter_rows()
        return [Source(path=path, start=start, end=end, copies=tuple(copies or ())) for path, start, end, copies in few]


def sources(table: pl.DataFrame, copies: Sequence[tuple[Path, Path]]) -> Sources:
    """The rows of a clip table as sources, each with the further copies of its file: `copies` has (file, copy)."""
    pairs = pl.DataFrame(
        {"path": [str(kept) for kept, _ in copies], "copies": [str(copy) for _, copy in copies]},
        schema={"path": pl.String, "copies": pl.String},
    )
    further = pairs.group_by("path", maintain_order=True).agg("copies")
    clips = table.select("path", "start", "end").join(further, on="path", how="left", maintain_order="left")
    return Sources(clips.match_to_schema(SCHEMA))


def whole_files(paths: Iterable[str]) -> Sources:
    """Files that are one clip each, without copies.

    >>> whole_files(["a.wav", "b.wav"]).rows(1, 2)
    [Source(path='b.wav', start=None, end=None, copies=())]
    """
    return Sources(pl.DataFrame({"path": paths}).match_to_schema(SCHEMA, missing_columns="insert"))
