"""Configurations ranked, and every two of them tested on the same clips; one ranking for each protocol.

The order is that of the balanced accuracy. Whether two places differ by more than chance is told by the sign-flip test
over speakers, corrected for the number of pairs, and by the interval of the difference with the same speakers drawn for
both. Scores of different protocols are never ranked together: they answer different questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Int64

from ser_lightning.evaluation.comparison_names import configuration_names, differing_within_kinds
from ser_lightning.evaluation.comparison_notes import RunNotes, caveats, limits, run_notes
from ser_lightning.evaluation.comparison_protocols import PooledProtocol, differing_facts
from ser_lightning.evaluation.comparison_runs import Configuration
from ser_lightning.evaluation.comparison_scores import Scored, score_configuration
from ser_lightning.evaluation.intervals import (
    Range,
    drawn_together,
    num_voices,
    paired_interval,
    resample_weights,
    too_few,
    voices,
)
from ser_lightning.evaluation.scores import balanced_accuracy
from ser_lightning.evaluation.significance import McNemar, SignFlip, holm, mcnemar, sign_flip

Weights = Int64[np.ndarray, "resample group"]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A configuration in its place, 1 being the best."""

    rank: int
    name: str
    configuration: Configuration
    scored: Scored

    @property
    def of_fold(self) -> dict[int, float]:
        """The balanced accuracy of each fold, mean over repetitions; empty where it has no folds of its own."""
        return dict(zip(self.configuration.folds, self.scored.of_folds, strict=True))


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two places compared; `test` is None where the speakers are not known, `adjusted_p` is Holm's over all pairs."""

    first: int
    second: int
    difference: float
    around: Range | None
    test: SignFlip | None
    adjusted_p: float | None
    clip_level: McNemar


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The configurations of one protocol; `no_interval` says why there are no intervals, empty where there are.

    `notes` are caveats of the ranking, `run_notes` what the runs say of themselves.
    """

    protocol: PooledProtocol
    labels: tuple[str, ...]
    num_speakers: int
    no_interval: str
    standings: tuple[Standing, ...]
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]
    run_notes: RunNotes

    @property
    def folds(self) -> list[int]:
        """The folds of the configurations that have any."""
        return sorted({fold for one in self.standings for fold in one.configuration.folds})


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A ranking for each protocol; `apart` says why there are several, `keys` in what the configurations differ."""

    rankings: tuple[Ranking, ...]
    apart: str
    keys: tuple[str, ...]


def compare(configurations: Sequence[Configuration], *, seed: int = 0) -> Comparison:
    """Rank the configurations of each protocol; `seed` is that of resamples and permutations."""
    groups: dict[str, list[Configuration]] = defaultdict(list)
    for configuration in configurations:
        groups[configuration.protocol.key].append(configuration)
    settings = [[member.settings for member in group] for group in groups.values()]
    names = configuration_names(settings, [[member.title for member in group] for group in groups.values()])
    return Comparison(
        rankings=tuple(
            _ranking(group, of_group, seed=seed) for group, of_group in zip(groups.values(), names, strict=True)
        ),
        apart=said_apart([group[0].protocol for group in groups.values()]),
        keys=tuple(dict.fromkeys(key for group in settings for key in differing_within_kinds(group))),
    )


def said_apart(protocols: Sequence[PooledProtocol]) -> str:
    """Why scores of these protocols are in tables of their own; empty of one protocol."""
    if len(protocols) < 2:
        return ""
    return (
        f"{len(protocols)} protocols, so {len(protocols)} tables and no ranking across them: they differ in "
        f"{', '.join(differing_facts(protocols))}"
    )


def _ranking(group: Sequence[Configuration], names: Sequence[str], *, seed: int) -> Ranking:
    first, table = group[0], group[0].pooled[0]
    no_interval = too_few(table)
    num_groups = drawn_together(voices(table)).n_unique()
    weights = None if no_interval else resample_weights(num_groups, seed=seed)
    scored = [(name, member, score_configuration(member, weights)) for name, member in zip(names, group, strict=True)]
    scored.sort(key=lambda row: (-(row[2].scores["balanced_accuracy"] or 0.0), row[0]))
    standings = tuple(
        Standing(rank=rank, name=name, configuration=member, scored=numbers)
        for rank, (name, member, numbers) in enumerate(scored, start=1)
    )
    known = not (table["speaker"] == "").any()
    named = [(one.name, one.configuration) for one in standings]
    return Ranking(
        protocol=first.protocol,
        labels=first.labels,
        num_speakers=num_voices(table),
        no_interval=no_interval,
        standings=standings,
        pairs=_pairs(standings, weights, known=known, seed=seed),
        notes=(*caveats(first.protocol, named), *limits(len(standings), num_groups, known=known)),
        run_notes=run_notes(named),
    )


def _pairs(standings: Sequence[Standing], weights: Weights | None, *, known: bool, seed: int) -> tuple[Pair, ...]:
    resampled = {
        one.rank: balanced_accuracy(np.tensordot(weights, one.scored.confusions, axes=1))
        for one in standings
        if weights is not None
    }
    couples = list(combinations(standings, 2))
    tests = [sign_flip(a.scored.confusions, b.scored.confusions, seed=seed) if known else None for a, b in couples]
    adjusted = iter(holm([test.p for test in tests if test is not None]))
    pairs = []
    for (a, b), test in zip(couples, tests, strict=True):
        values = [balanced_accuracy(one.scored.confusions.sum(axis=0)) for one in (a, b)]
        difference = float(values[0] - values[1])
        around = (
            paired_interval("balanced_accuracy", resampled[a.rank], resampled[b.rank], difference, weights.shape[1])
            if weights is not None
            else None
        )
        pairs.append(
            Pair(
                first=a.rank,
                second=b.rank,
                difference=difference,
                around=around,
                test=test,
                adjusted_p=None if test is None else next(adjusted),
                clip_level=mcnemar(a.scored.right, b.scored.right),
            )
        )
    return tuple(pairs)
