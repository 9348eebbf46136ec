"""Utterances <-> one table: a row a clip, columns as below, sorted by clip id.

Where listeners voted, further columns `vote_<emotion>` hold their shares, null for clips without votes.

The table is columns (Polars), not objects: a million clips are then eleven arrays. Its order is the clip id's, so
nothing that counts rows depends on the order in which a disk lists its files.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ser_lightning.corpora.base import Utterance
from ser_lightning.errors import UserError

SCHEMA = pl.Schema(
    {
        "clip": pl.String,
        "name": pl.String,
        "path": pl.String,
        "corpus": pl.String,
        "speaker": pl.String,
        "sex": pl.String,
        "text": pl.String,
        "intensity": pl.String,
        "take": pl.String,
        "emotion": pl.String,
        "start": pl.Float64,
        "end": pl.Float64,
    }
)
VOTE = "vote_"
"""What the columns of listeners' shares are named by, before the emotion."""


def to_table(utterances: Sequence[Utterance]) -> pl.DataFrame:
    """The table of these utterances; clip = corpus/speaker/basename, plus /start for a segment.

    Clips that would share an id (files of one name in several folders) take as many parent folders into theirs as
    tell them apart. Raises UserError where two rows are the same stretch of the same file.
    """
    made = {
        "clip": _clip_ids(utterances),
        "name": [row.name or row.path.stem for row in utterances],
        "path": [str(row.path) for row in utterances],
    }
    columns = {name: [getattr(row, name) for row in utterances] for name in SCHEMA if name not in made}
    table = pl.DataFrame(made | columns, schema=SCHEMA).with_columns(_votes(utterances))
    twice = table.filter(pl.col("clip").is_duplicated())
    if len(twice):
        raise UserError(
            f"a clip may be listed once, these are listed more often: {_few(twice['clip'].unique().sort())}"
        )
    return table.sort("clip")


def _votes(utterances: Sequence[Utterance]) -> list[pl.Series]:
    """A column for each emotion that anybody voted for."""
    voted = [dict(row.votes) for row in utterances]
    emotions = sorted({emotion for votes in voted for emotion in votes})
    return [
        pl.Series(f"{VOTE}{emotion}", [votes.get(emotion, 0.0) if votes else None for votes in voted], dtype=pl.Float64)
        for emotion in emotions
    ]


def _clip_ids(utterances: Sequence[Utterance]) -> list[str]:
    depth = [1] * len(utterances)
    for level in range(2, 1 + max((len(row.path.parts) for row in utterances), default=0)):
        ids = [_clip_id(row, n) for row, n in zip(utterances, depth, strict=True)]
        counts: dict[str, int] = {}
        for name in ids:
            counts[name] = counts.get(name, 0) + 1
        if len(counts) == len(ids):
            break
        depth = [level if counts[name] > 1 else n for name, n in zip(ids, depth, strict=True)]
    return [_clip_id(row, n) for row, n in zip(utterances, depth, strict=True)]


def _clip_id(row: Utterance, parts: int) -> str:
    name = "/".join((*row.path.parts[-parts:-1], row.path.stem)).lstrip("/")
    segment = "" if row.start is None else f"/{row.start:.12g}"
    return f"{row.corpus}/{row.speaker}/{name}{segment}"


def _few(names: pl.Series, most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names.head(most).to_list()) + more
