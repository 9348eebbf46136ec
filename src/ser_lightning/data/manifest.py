"""What corpora list -> one table: a row a clip, its id before the columns of corpora/columns.py, sorted by id.

Nothing that counts rows depends on the order in which a disk lists its files then.
"""

from __future__ import annotations

import itertools

import polars as pl

from ser_lightning.corpora.paths import ending
from ser_lightning.errors import UserError


def to_table(clips: pl.DataFrame) -> pl.DataFrame:
    """The table of what a scan lists; clip = corpus/speaker/basename, plus /start for a segment.

    Clips that would share an id (files of one name in several folders) take as many parent folders into theirs as
    tell them apart. Raises UserError where two rows are the same stretch of the same file.
    """
    table = clips.select(_clip_ids(clips), pl.all())
    twice = table.filter(pl.col("clip").is_duplicated())
    if len(twice):
        raise UserError(
            f"a clip may be listed once, these are listed more often: {_few(twice['clip'].unique().sort())}"
        )
    return table.sort("clip")


def _clip_ids(clips: pl.DataFrame) -> pl.Series:
    """Ids with one folder more for those that clash, until none does or their paths are used up."""
    named = clips.select("corpus", "speaker", "path", segment=_segments(clips["start"]))
    ids = named.select(_clip_id(folders=0))["clip"]
    for folders in itertools.count(1):
        clash = ids.is_duplicated()
        longer = named.filter(clash).select(_clip_id(folders=folders))["clip"]
        if longer.equals(ids.filter(clash)):
            break
        ids = ids.scatter(clash.arg_true(), longer)
    return ids


def _clip_id(*, folders: int) -> pl.Expr:
    name = ending(pl.col("path"), folders=folders)
    return pl.format("{}/{}/{}{}", "corpus", "speaker", name, "segment").alias("clip")


def _segments(starts: pl.Series) -> pl.Series:
    """What a segment's start adds to its id; formatted by Python, as no expression rounds to twelve digits."""
    return pl.Series(["" if start is None else f"/{start:.12g}" for start in starts], dtype=pl.String)


def _few(names: pl.Series, most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names.head(most).to_list()) + more
