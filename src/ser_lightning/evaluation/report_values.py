"""The tables of the report as they are shown: rows of scores with their intervals, read from metrics.json alone.

Nothing is computed here, so that the page can say nothing else than the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ser_lightning.evaluation.intervals import Range
from ser_lightning.evaluation.scores import NAMES, SMALL_IS_GOOD

SPEAKER = "speaker"
HALF = 0.5


class Score(NamedTuple):
    """A value and its interval, each None where there is none."""

    value: float | None
    interval: Range | None


class Row(NamedTuple):
    """One score over several columns; `key` is its name in metrics.json."""

    key: str
    name: str
    small_is_good: bool
    cells: list[Score]


class Gap(NamedTuple):
    """The difference between the groups of the highest and the lowest value of a score."""

    high: str
    low: str
    score: Score


class GroupTable(NamedTuple):
    """The scores by one grouping, a column a group; `gaps` has one for each row, None where there is none."""

    name: str
    groups: list[str]
    clips: list[int]
    speakers: list[int]
    rows: list[Row]
    gaps: list[Gap | None]
    reason: str


class SpeakerTable(NamedTuple):
    """The scores of each speaker, a row a speaker, the best first."""

    names: list[str]
    rows: dict[str, tuple[int, list[float | None]]]


def score_rows(columns: Sequence[Mapping[str, Any]]) -> list[Row]:
    """A row for each score of `NAMES` that at least one column defines, in that order.

    A column is the scores of a part, or of a group: its values are in it, or under "scores".
    """
    cells = {key: [_score(column, key) for column in columns] for key in NAMES}
    return [
        Row(key, NAMES[key], key in SMALL_IS_GOOD, row)
        for key, row in cells.items()
        if any(cell.value is not None for cell in row)
    ]


def group_tables(groups: Mapping[str, Any]) -> list[GroupTable]:
    """A table a grouping; speakers have their own, see `speaker_table`."""
    return [_group_table(name, grouping) for name, grouping in groups.items() if name != SPEAKER]


def speaker_table(groups: Mapping[str, Any]) -> SpeakerTable | None:
    """The speakers, where there are several; the scores are the columns, as there may be many speakers."""
    speakers = groups.get(SPEAKER, {}).get("values", {})
    rows = score_rows(list(speakers.values()))
    if not rows:
        return None
    place = {name: index for index, name in enumerate(speakers)}
    ranked = sorted(speakers, key=lambda name: (-_main(speakers[name]), name))
    return SpeakerTable(
        [row.name for row in rows],
        {name: (speakers[name]["clips"], [row.cells[place[name]].value for row in rows]) for name in ranked},
    )


def speaker_values(groups: Mapping[str, Any]) -> dict[str, float]:
    """The balanced accuracy of each speaker."""
    speakers = groups.get(SPEAKER, {}).get("values", {})
    return {name: _main(values) for name, values in speakers.items()}


def calibration_rows(metrics: Mapping[str, Any], part: str) -> list[Row]:
    """The scores of calibration, before the temperature and after it."""
    before = metrics["calibration"]["before"][part]
    kept = {key for key, value in before["scores"].items() if value is not None}
    return [row for row in score_rows([before, metrics[part]]) if row.key in kept]


def told_threshold(abstention: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The threshold that is told of in words: the highest with half of the clips answered, else the lowest with any.

    The risk of the highest of all may be that of a handful of clips. None where no threshold is reached.
    """
    rows = sorted((abstention or {"thresholds": []})["thresholds"], key=itemgetter("threshold"))
    half = [row for row in rows if row["coverage"] >= HALF]
    reached = [row for row in rows if row["answered"]]
    return half[-1] if half else next(iter(reached), None)


def _group_table(name: str, grouping: Mapping[str, Any]) -> GroupTable:
    values = grouping["values"]
    rows = score_rows(list(values.values()))
    return GroupTable(
        name=name,
        groups=list(values),
        clips=[group["clips"] for group in values.values()],
        speakers=[group["speakers"] for group in values.values()],
        rows=rows,
        gaps=[_gap(grouping["gaps"].get(row.key)) for row in rows],
        reason=grouping.get("reason") or "",
    )


def _gap(gap: Mapping[str, Any] | None) -> Gap | None:
    return None if gap is None else Gap(gap["high"], gap["low"], Score(gap["gap"], _range(gap["interval"])))


def _score(column: Mapping[str, Any], key: str) -> Score:
    """A part has its intervals under intervals.scores, a group under intervals."""
    values = column.get("scores", column)
    intervals = column.get("intervals", {})
    value = values.get(key)
    undefined = value is None or math.isnan(value)
    return Score(None if undefined else value, _range(intervals.get("scores", intervals).get(key)))


def _range(around: Sequence[float] | None) -> Range | None:
    return None if around is None else (around[0], around[1])


def _main(values: Mapping[str, Any]) -> float:
    value: float | None = values["scores"]["balanced_accuracy"]
    return 0.0 if value is None else value
