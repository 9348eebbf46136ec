"""What a clip table says of its corpus, as small tables and numbers: pure functions, nothing is drawn or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Int64

from ser_lightning.emotions import EMOTIONS

UNKNOWN = "unknown"
QUANTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}


def readable(table: pl.DataFrame) -> pl.DataFrame:
    """The table with names to be read: speaker and sex never empty, `corpus/speaker` among several corpora."""
    several = table["corpus"].n_unique() > 1
    speaker = pl.when(pl.col("speaker") == "").then(pl.lit(UNKNOWN)).otherwise("speaker")
    return table.with_columns(
        speaker=pl.concat_str("corpus", speaker, separator="/") if several else speaker,
        sex=pl.when(pl.col("sex") == "").then(pl.lit(UNKNOWN)).otherwise("sex"),
    )


def emotion_order(table: pl.DataFrame) -> list[str]:
    """The emotions that occur: known ones in our order, then others by name."""
    present = set(table["emotion"].to_list())
    return [name for name in EMOTIONS if name in present] + sorted(present.difference(EMOTIONS))


def sex_order(table: pl.DataFrame) -> list[str]:
    """The sexes that occur, by name, the unknown last."""
    present = set(table["sex"].to_list())
    return sorted(present - {UNKNOWN}) + [UNKNOWN] * (UNKNOWN in present)


def crossed(
    table: pl.DataFrame, row: str, column: str, rows: Sequence[str], columns: Sequence[str]
) -> Int64[np.ndarray, "row column"]:
    """How many clips have each pair of values of two columns."""
    counts = dict.fromkeys(((a, b) for a in rows for b in columns), 0)
    for a, b, count in table.group_by(row, column).len().iter_rows():
        if (a, b) in counts:
            counts[a, b] = count
    return np.array(list(counts.values()), dtype=np.int64).reshape(len(rows), len(columns))


def spread(table: pl.DataFrame, by: str, value: str) -> pl.DataFrame:
    """A row a group: its name, `clips`, and the 5, 25, 50, 75 and 95 % quantiles of a column, linear between values."""
    quantiles = [pl.col(value).quantile(q, "linear").alias(name) for name, q in QUANTILES.items()]
    return table.group_by(by).agg(pl.len().alias("clips"), *quantiles).sort(by).rename({by: "name"})


def explained(table: pl.DataFrame, by: str, value: str) -> float | None:
    """The share of a column's variance that lies between the groups, eta^2 = SS_between / SS_total, 0 to 1.

    None where nothing varies or there is one group.

    >>> explained(pl.DataFrame({"emotion": ["a", "a", "b", "b"], "rms_db": [1.0, 1.0, 3.0, 3.0]}), "emotion", "rms_db")
    1.0
    """
    if table[by].n_unique() < 2 or table[value].n_unique() < 2:
        return None
    mean = table[value].mean()
    groups = table.select(pl.col(value) - mean, between=pl.col(value).mean().over(by) - mean)
    sums = groups.select(pl.all().pow(2).sum())
    return float(sums["between"][0] / sums[value][0])


class Corpora(NamedTuple):
    """One corpus in numbers."""

    corpus: str
    clips: int
    speakers: int
    hours: float


def totals(table: pl.DataFrame) -> list[Corpora]:
    """A row a corpus; an unnamed speaker counts as one."""
    grouped = table.group_by("corpus").agg(pl.len(), pl.col("speaker").n_unique(), pl.col("seconds").sum() / 3600)
    return [Corpora(*row) for row in grouped.sort("corpus").iter_rows()]


@dataclass(frozen=True, kw_only=True)
class TextUse:
    """Whether the words of one corpus tell the emotion.

    `tied` texts occur in one emotion only, in `tied_clips`; of them `once` are spoken a single time. `untold` clips
    have no text.
    """

    corpus: str
    clips: int
    emotions: int
    texts: int
    tied: int
    tied_clips: int
    once: int
    untold: int


def without_texts(table: pl.DataFrame, corpora: Sequence[str]) -> pl.DataFrame:
    """The table with the texts of these corpora unknown, as theirs cannot be compared between emotions."""
    return table.with_columns(text=pl.when(pl.col("corpus").is_in(corpora)).then(pl.lit("")).otherwise("text"))


def text_use(table: pl.DataFrame) -> list[TextUse]:
    """A row a corpus."""
    return [_text_use(name, part) for (name,), part in sorted(table.group_by("corpus"), key=lambda pair: str(pair[0]))]


def _text_use(corpus: object, table: pl.DataFrame) -> TextUse:
    told = table.filter(pl.col("text") != "")
    texts = told.group_by("text").agg(pl.len().alias("clips"), pl.col("emotion").n_unique().alias("emotions"))
    tied = texts.filter(pl.col("emotions") == 1)
    return TextUse(
        corpus=str(corpus),
        clips=len(table),
        emotions=table["emotion"].n_unique(),
        texts=len(texts),
        tied=len(tied),
        tied_clips=int(tied["clips"].sum()),
        once=int((tied["clips"] == 1).sum()),
        untold=len(table) - len(told),
    )


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Clips that are one recording; `identical` sample for sample, or else nearly so."""

    clips: tuple[str, ...]
    emotions: tuple[str, ...]
    speakers: tuple[str, ...]
    identical: bool

    @property
    def conflicting(self) -> bool:
        """Whether they bear several emotions."""
        return len(set(self.emotions)) > 1


def twins(table: pl.DataFrame) -> list[Twins]:
    """The recordings that are there more than once, as columns `recording` and `hash` tell them."""
    several = table.filter(pl.col("recording").is_duplicated())
    groups = several.group_by("recording", maintain_order=True).agg("clip", "emotion", "speaker", "hash")
    return [
        Twins(
            clips=tuple(row["clip"]),
            emotions=tuple(row["emotion"]),
            speakers=tuple(row["speaker"]),
            identical=len(set(row["hash"])) == 1,
        )
        for row in groups.iter_rows(named=True)
    ]


def formats(table: pl.DataFrame) -> list[tuple[int, int, int]]:
    """(rate in Hz, channels, clips) of the files, the most frequent first."""
    counts = table.group_by("file_rate", "channels").len()
    return list(counts.sort("len", "file_rate", "channels", descending=[True, False, False]).iter_rows())
