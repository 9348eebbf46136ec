"""What CREMA-D's listeners heard: tabulatedVotes.csv of the published processedResults/, and labels made from it.

Each clip was rated three times over, as voice, face and both; a row's number begins with 1, 2 or 3 accordingly
(the most voted emotion of every row is that of summaryTable.csv's VoiceVote, FaceVote or MultiModalVote).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl

from ser_lightning.corpora.columns import vote_columns
from ser_lightning.errors import UserError
from ser_lightning.files import read_table

Labels = Literal["acted", "voice", "audiovisual"]
Votes = Mapping[str, int]
"""Emotion -> how many listeners chose it."""

FILE = "tabulatedVotes.csv"
COLUMNS = {"A": "angry", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
RATED = {"voice": "1", "audiovisual": "3"}
WHO = {"voice": "voice votes", "audiovisual": "audio-visual votes"}
WHERE_FROM = "take the folder processedResults of github.com/CheyneyComputerScience/CREMA-D and say corpus.votes=DIR"


def find_votes(folder: Path, votes: str | None) -> Path:
    """The table: below `votes` where given, else below the corpus's folder or beside it; raises UserError."""
    base = folder if votes is None else Path(votes).expanduser()
    usual = [base, base / FILE, base / "processedResults" / FILE]
    if votes is None:
        usual += [base.parent / FILE, base.parent / "processedResults" / FILE]
    found = [file for file in usual if file.is_file()] or sorted(base.rglob(FILE))
    if not found:
        raise UserError(f"corpus.{'labels' if votes is None else 'votes'}: no {FILE} below {base}; {WHERE_FROM}")
    return found[0]


def read_votes(file: Path, labels: Labels) -> dict[str, Votes]:
    """The votes on each clip, by its canonical name; raises UserError where this is not the published table."""
    try:
        rows = read_table(file).rename({"": "row"})
        rated = rows.filter(pl.col("row").str.starts_with(RATED[labels])).select(
            pl.col("fileName"), pl.col(list(COLUMNS)).cast(pl.Int64)
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{file} is not CREMA-D's table of votes ({reason}); a git-LFS pointer? {WHERE_FROM}"
        ) from error
    return {
        canonical(name): dict(zip(COLUMNS.values(), counts, strict=True)) for name, *counts in rated.iter_rows() if name
    }


def canonical(name: str) -> str:
    """The clip's name as it is since 2022.

    >>> canonical("1040_ITH_SAD_X")
    '1040_ITH_SAD_XX'
    """
    return f"{name}X" if name.endswith("_X") else name


def by_votes(
    clips: pl.DataFrame, votes: Mapping[str, Votes], *, labels: Labels, soft: bool
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The clips with the emotion that most listeners heard, and a note on ties; `soft` gives their shares too.

    A tie leaves a clip out, unless `soft` and the acted emotion is one of the tied. Raises UserError where a clip has
    no votes.
    """
    unrated = [name for name in clips["name"] if not sum(votes.get(name, {}).values())]
    if unrated:
        raise UserError(
            f"corpus.labels={labels}: {FILE} has no votes on {len(unrated)} clips, such as {unrated[0]}; {WHERE_FROM}"
        )
    first = pl.Series("first", [leaders(votes[name]) for name in clips["name"]], dtype=pl.List(pl.String))
    is_alone = pl.col("first").list.len() == 1
    is_acted = pl.col("first").list.contains(pl.col("emotion"))
    heard = clips.with_columns(first)
    tied = heard.filter(~is_alone)
    acted = len(tied.filter(is_acted)) if soft else 0
    kept = heard.filter(is_alone | is_acted if soft else is_alone).with_columns(
        emotion=pl.when(is_alone).then(pl.col("first").list.first()).otherwise("emotion")
    )
    voted = vote_columns([dict(shares(votes[name])) for name in kept["name"]]) if soft else []
    return kept.drop("first").with_columns(voted), _ties(len(tied), acted, WHO[labels])


def leaders(votes: Votes) -> tuple[str, ...]:
    """The emotions with most votes.

    >>> leaders({"angry": 3, "sad": 1, "neutral": 3})
    ('angry', 'neutral')
    """
    most = max(votes.values())
    return tuple(emotion for emotion, count in votes.items() if count == most)


def shares(votes: Votes) -> tuple[tuple[str, float], ...]:
    """(emotion, share) of the emotions that anybody chose; the shares sum to 1.

    >>> shares({"angry": 3, "sad": 1, "neutral": 0})
    (('angry', 0.75), ('sad', 0.25))
    """
    total = sum(votes.values())
    return tuple((emotion, count / total) for emotion, count in votes.items() if count)


def _ties(tied: int, acted: int, who: str) -> tuple[str, ...]:
    if not tied:
        return ()
    kept = f"{acted} of them keep the acted emotion, which is among the tied, " if acted else ""
    return (f"{tied} clips have a tie of {who}: {kept}{tied - acted} are left out",)
