"""The scores of each group of clips: by sex, speaker, corpus, intensity and duration, and how far the groups lie apart.

A gap is that of the best and the worst group by a score. The two are chosen by the very clips that the gap is measured
on, which makes it look large, the more so the more groups there are; its interval takes them as given and does not
know of the choice. Clips of which the value is not known are a group, called unknown, but no part of a gap; one that
is really called so is a group of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int64

from ser_lightning.evaluation.intervals import (
    LEAST_SPEAKERS,
    Range,
    drawn_together,
    interval,
    num_voices,
    resample_weights,
    tally_intervals,
    too_few,
    voices,
)
from ser_lightning.evaluation.scores import NAMES, all_scores, defined
from ser_lightning.evaluation.tallies import Tally, group_sums, numbered, tally

UNKNOWN = "unknown"
"""What the group is called of which the value is not known; within this file its name is empty."""
NOT_KNOWN = "(not known)"
"""What it is called where another group is really named so."""
FEW = f"a gap has an interval where both of its groups have {LEAST_SPEAKERS} speakers"


class GroupScores(TypedDict):
    """The scores of one group; None where one is undefined, intervals where there are speakers enough."""

    clips: int
    speakers: int
    scores: dict[str, float | None]
    intervals: dict[str, Range]


class Gap(TypedDict):
    """The groups with the highest and the lowest value of a score, and how far apart these are."""

    high: str
    low: str
    gap: float
    interval: Range | None


class Grouping(TypedDict):
    """Groups by their names, gaps by the names of scores, and why gaps lack an interval, if any does."""

    values: dict[str, GroupScores]
    gaps: dict[str, Gap]
    reason: str


class _Group(NamedTuple):
    """The clips of one group, their tally by what is drawn together, and the numbers of that in the whole table."""

    table: pl.DataFrame
    tally: Tally
    members: Int64[np.ndarray, " group"]


class _Resampled(NamedTuple):
    """A group's scores, and these in each resample of the speakers of the whole table; how many speakers it has."""

    estimates: Mapping[str, float]
    resampled: Mapping[str, Float[np.ndarray, " resample"]]
    speakers: int


def table_groups(table: pl.DataFrame, labels: Sequence[str], *, seed: int = 0) -> dict[str, Grouping]:
    """The scores by sex, speaker, corpus, intensity and duration, of those by which the table has two groups or more.

    Speakers are compared by nothing but their scores: there are no gaps of them. The interval of a gap is over the
    speakers of the whole table: one that is drawn brings its clips of both groups.
    """
    names = group_names(table)
    return {
        keys.name: _of_speakers(table, labels, keys) if keys.name == "speaker" else _grouping(table, labels, keys, seed)
        for keys in names.get_columns()
        if keys.n_unique() > 1
    }


def group_names(table: pl.DataFrame) -> pl.DataFrame:
    """The name of each clip's group by each grouping, empty where it is not known; of speakers with the corpus where
    there are several.

    >>> group_names(pl.DataFrame({"corpus": ["c", "c"], "speaker": ["ann", "ben"], "sex": ["", "male"],
    ...     "intensity": ["", ""], "duration": [1.0, 2.0]})).rows()
    [('', 'ann', 'c', '', 'up to 1.3 s'), ('male', 'ben', 'c', '', 'over 1.7 s')]
    """
    speaker = voices(table) if table["corpus"].n_unique() > 1 else table["speaker"]
    plain = table.select("sex", speaker.alias("speaker"), "corpus", "intensity")
    return plain.with_columns(duration_names(table["duration"]).alias("duration"))


def duration_names(seconds: pl.Series) -> pl.Series:
    """Each duration's third, with its bounds to 0.1 s and in their order; fewer where the durations hardly differ.

    >>> duration_names(pl.Series([1.0, 2.0, 3.0, 4.0])).to_list()
    ['up to 2.0 s', 'up to 2.0 s', '2.0 to 3.0 s', 'over 3.0 s']
    """
    low, high = (round(float(bound), 1) for bound in np.quantile(seconds.to_numpy(), [1 / 3, 2 / 3]))
    names = pl.Enum([f"up to {low:.1f} s", f"{low:.1f} to {high:.1f} s", f"over {high:.1f} s"])
    third = (seconds > low).cast(pl.UInt8) + (seconds > high).cast(pl.UInt8)
    return third.replace_strict(dict(enumerate(names.categories)), return_dtype=names)


def _of_speakers(table: pl.DataFrame, labels: Sequence[str], keys: pl.Series) -> Grouping:
    """The scores of each speaker by itself, from one pass over the table."""
    names, scores = keys.unique().sort().to_list(), all_scores(group_sums(table, labels, keys))
    clips = dict(keys.value_counts().iter_rows())
    values = {
        name: GroupScores(
            clips=clips[name],
            speakers=int(name != ""),
            scores={key: defined(float(of_names[index])) for key, of_names in scores.items()},
            intervals={},
        )
        for index, name in enumerate(names)
    }
    return Grouping(values=_named({name: values[name] for name in _ordered(keys)}), gaps={}, reason="")


def _grouping(table: pl.DataFrame, labels: Sequence[str], keys: pl.Series, seed: int) -> Grouping:
    drawn, num_drawn = numbered(drawn_together(voices(table)), len(table))
    groups = {name: _group(table, labels, (keys == name).to_numpy(), drawn) for name in _ordered(keys)}
    reason = too_few(table)
    weights = None if reason else resample_weights(num_drawn, seed=seed)
    gaps = _gaps({name: _resampled(group, weights) for name, group in groups.items() if name != ""}, num_drawn)
    lacking = any(gap["interval"] is None for gap in gaps.values())
    return Grouping(
        values=_named({name: _group_scores(group, seed) for name, group in groups.items()}),
        gaps=gaps,
        reason=reason or (FEW if lacking else ""),
    )


def _ordered(keys: pl.Series) -> list[str]:
    """The names of the groups in their order, the unknown last."""
    names: list[str] = keys.unique().sort().to_list()
    return sorted(names, key=lambda name: name == "")


def _named(values: Mapping[str, GroupScores]) -> dict[str, GroupScores]:
    """The groups by the names that a reader sees."""
    unknown = NOT_KNOWN if UNKNOWN in values else UNKNOWN
    return {name or unknown: of_group for name, of_group in values.items()}


def _group(
    table: pl.DataFrame, labels: Sequence[str], rows: Bool[np.ndarray, " clip"], drawn: Int64[np.ndarray, " clip"]
) -> _Group:
    clips, of_clips = table.filter(rows), pl.Series(drawn[rows])
    return _Group(clips, tally(clips, labels, of_clips), of_clips.unique().sort().to_numpy())


def _group_scores(group: _Group, seed: int) -> GroupScores:
    """The scores of a group, with intervals over its own speakers alone."""
    return GroupScores(
        clips=len(group.table),
        speakers=num_voices(group.table),
        scores={name: defined(float(value)) for name, value in all_scores(group.tally.total()).items()},
        intervals={} if too_few(group.table) else tally_intervals(group.tally, seed=seed),
    )


def _resampled(group: _Group, weights: Int64[np.ndarray, "resample speaker"] | None) -> _Resampled:
    """What the gaps follow from; no resamples where `weights`, of the speakers of the whole table, are None."""
    estimates = {name: float(value) for name, value in all_scores(group.tally.total()).items()}
    scores = {} if weights is None else all_scores(group.tally.weighted(weights[:, group.members]))
    return _Resampled(estimates, scores, 0 if weights is None else num_voices(group.table))


def _gaps(groups: Mapping[str, _Resampled], num_drawn: int) -> dict[str, Gap]:
    """The gap of every score that at least two groups have."""
    gaps = {}
    for score in NAMES:
        there = {name: of.estimates[score] for name, of in groups.items() if not np.isnan(of.estimates[score])}
        if len(there) > 1:
            high = max(there, key=there.__getitem__)
            low = min(there.keys() - {high}, key=lambda name: (there[name], name))
            around = _around(score, groups[high], groups[low], num_drawn)
            gaps[score] = Gap(high=high, low=low, gap=there[high] - there[low], interval=around)
    return gaps


def _around(score: str, high: _Resampled, low: _Resampled, num_drawn: int) -> Range | None:
    """The interval of a gap over all that was drawn; None where either group has too few speakers."""
    if min(high.speakers, low.speakers) < LEAST_SPEAKERS:
        return None
    gap = high.estimates[score] - low.estimates[score]
    return interval(high.resampled[score] - low.resampled[score], gap, num_drawn)
