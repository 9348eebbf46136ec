"""The scores of groups of clips, all folds of a configuration together.

A fold tests few speakers, so its own report can seldom say how sure a gap is; all folds together can.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ser_lightning.evaluation.comparison import Comparison
from ser_lightning.evaluation.groups import Grouping, table_groups
from ser_lightning.evaluation.scores import NAMES


class Place(NamedTuple):
    """Where a configuration stands: the number of its protocol, its rank there, and its name."""

    protocol: int
    rank: int
    configuration: str


Groups = dict[Place, dict[str, Grouping]]
"""The groupings of each configuration by their names."""


def pooled_groups(comparison: Comparison) -> Groups:
    """The groups of every configuration, over the clips of all its folds; of several seeds, those of the first."""
    return {
        Place(number, one.rank, one.name): table_groups(one.configuration.pooled[0], ranking.labels)
        for number, ranking in enumerate(comparison.rankings, start=1)
        for one in ranking.standings
    }


def group_rows(place: Place, groups: dict[str, Grouping]) -> Iterator[dict[str, Any]]:
    """A row for each group: its clips, speakers, scores and the ends of their intervals."""
    for name, grouping in groups.items():
        for value, of_group in grouping["values"].items():
            row = {**place._asdict(), "grouping": name, "value": value}
            row |= {"clips": of_group["clips"], "speakers": of_group["speakers"]}
            for score in NAMES:
                low, high = of_group["intervals"].get(score, (None, None))
                row |= {score: of_group["scores"][score], f"{score}_low": low, f"{score}_high": high}
            yield row


def gap_rows(place: Place, groups: dict[str, Grouping]) -> Iterator[dict[str, Any]]:
    """A row for each gap; `no_interval` says why it has none."""
    for name, grouping in groups.items():
        for score, gap in grouping["gaps"].items():
            low, high = gap["interval"] or (None, None)
            yield {
                **place._asdict(),
                "grouping": name,
                "score": score,
                "highest": gap["high"],
                "lowest": gap["low"],
                "gap": gap["gap"],
                "gap_low": low,
                "gap_high": high,
                "no_interval": grouping["reason"] if gap["interval"] is None else "",
            }
