"""What a corpus lists, as columns (Polars): a million clips are then a dozen arrays, not a million objects.

The one place where rows of Utterance become columns. Where listeners voted, further columns `vote_<emotion>` hold
their shares, null for clips without votes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter

import polars as pl

from ser_lightning.corpora.base import Utterance

COLUMNS = pl.Schema(
    {
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


def columns(utterances: Sequence[Utterance]) -> pl.DataFrame:
    """A row an utterance, in their order; `name` is the file's, without its ending, where it is empty."""
    made = {
        "name": [row.name or row.path.stem for row in utterances],
        "path": [str(row.path) for row in utterances],
    }
    told = {name: list(map(attrgetter(name), utterances)) for name in COLUMNS if name not in made}
    return pl.DataFrame(made | told, schema=COLUMNS).with_columns(vote_columns([dict(row.votes) for row in utterances]))


def vote_columns(votes: Sequence[Mapping[str, float]]) -> list[pl.Series]:
    """A column for each emotion that anybody voted for, of the shares {emotion: share} of each clip; {} is no votes."""
    emotions = sorted({emotion for shares in votes for emotion in shares})
    return [
        pl.Series(f"{VOTE}{emotion}", [row.get(emotion, 0.0) if row else None for row in votes], dtype=pl.Float64)
        for emotion in emotions
    ]


def together(corpora: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The rows of several corpora; who voted at all gave no vote to the emotions that only another corpus asks for."""
    clips = pl.concat(corpora, how="diagonal")
    votes = sorted(name for name in clips.columns if name.startswith(VOTE))
    if not votes:
        return clips
    voted = pl.any_horizontal(pl.col(votes).is_not_null())
    return clips.select(*COLUMNS, *(pl.when(voted).then(pl.col(name).fill_null(0.0)).alias(name) for name in votes))
