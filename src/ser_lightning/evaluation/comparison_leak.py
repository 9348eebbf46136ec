"""What a leak of speakers is worth: a configuration's score on voices it was trained on, beside that on new voices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from rich.markup import escape
from rich.table import Table

from ser_lightning.evaluation.comparison import Comparison, Ranking, Standing
from ser_lightning.evaluation.comparison_protocols import KNOWN_VOICES
from ser_lightning.evaluation.comparison_terminal import interval_line, plain_table, said_score
from ser_lightning.evaluation.scores import NAMES

SCORE = "balanced_accuracy"


class Gap(NamedTuple):
    """A configuration under two protocols, and how much more balanced accuracy it has where it knows the voices."""

    name: str
    known: Standing
    new: Standing

    @property
    def difference(self) -> float:
        """The balanced accuracy on known voices minus that on new ones."""
        return (self.known.scored.scores[SCORE] or 0.0) - (self.new.scored.scores[SCORE] or 0.0)


class LeakGap(NamedTuple):
    """Two protocols of the same corpora and classes, the first with voices known from training, and the gaps."""

    known: Ranking
    new: Ranking
    gaps: list[Gap]


def leak_gaps(comparison: Comparison) -> list[LeakGap]:
    """Every two rankings that differ in whether the voices are known, with the configurations that are in both."""
    known = [ranking for ranking in comparison.rankings if ranking.protocol.facts[KNOWN_VOICES]]
    new = [ranking for ranking in comparison.rankings if not ranking.protocol.facts[KNOWN_VOICES]]
    pairs = [(a, b) for a, b in product(known, new) if _same_data(a, b)]
    return [LeakGap(a, b, gaps) for a, b in pairs if (gaps := _gaps(a.standings, b.standings))]


def leak_lines(gap: LeakGap) -> list[Table | str]:
    """What is printed of two protocols: their sentences, then the scores side by side."""
    splits = [ranking.protocol.facts["split"] for ranking in (gap.known, gap.new)]
    table = plain_table(f"What the leak is worth: {NAMES[SCORE]}")
    table.add_column("configuration", overflow="fold", max_width=60)
    for split, voices in zip(splits, ("known", "new"), strict=True):
        table.add_column(f"{split}: {voices} voices", justify="right")
    table.add_column(f"{splits[0]} minus {splits[1]}", justify="right")
    for row in gap.gaps:
        scores = (said_score(one, SCORE) for one in (row.known, row.new))
        table.add_row(escape(row.name), *scores, f"{row.difference:+.3f}")
    return [
        *(f"protocol, {split}: {escape(ranking.protocol.sentence)}" for split, ranking in _named(splits, gap)),
        table,
        *(f"{split}: {escape(interval_line(ranking))}" for split, ranking in _named(splits, gap)),
        *(f"{split}: note: {escape(note)}" for split, ranking in _named(splits, gap) for note in _said(ranking)),
        "The two are trained on different numbers of clips (see the protocols) and tested on different clips and "
        "speakers: part of the difference is that, and it has no interval of its own.",
    ]


def _named(splits: Sequence[str], gap: LeakGap) -> list[tuple[str, Ranking]]:
    return list(zip(splits, (gap.known, gap.new), strict=True))


def _said(ranking: Ranking) -> tuple[str, ...]:
    """The notes of the runs, few of them; those about tests of pairs have no place here."""
    return ranking.run_notes.printed(6)


def _same_data(a: Ranking, b: Ranking) -> bool:
    return all(a.protocol.facts[name] == b.protocol.facts[name] for name in ("corpora", "classes"))


def _gaps(known: Sequence[Standing], new: Sequence[Standing]) -> list[Gap]:
    of_name = {one.name: one for one in new}
    return [Gap(one.name, one, of_name[one.name]) for one in known if one.name in of_name]
