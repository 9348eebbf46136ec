"""The scores of one configuration: folds pooled, the mean over seeds, with an interval over speakers and spreads.

All seeds are resampled with the same speakers, so that the interval is that of the mean over the seeds that there are;
how much a new seed could change is the spread over seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int64

from ser_lightning.evaluation.comparison_runs import Configuration
from ser_lightning.evaluation.intervals import Range, bounded, drawn_together, interval, voices
from ser_lightning.evaluation.scores import all_scores, balanced_accuracy, defined
from ser_lightning.evaluation.tallies import Sums, Tally, group_sums, table_sums, tally

Values = dict[str, float | None]
"""Values by score; None where one is not defined."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The numbers of a configuration.

    `confusions` [group class class] are means over seeds, of each speaker (or bundle of them, where these are very
    many); `confusion` counts every clip once for each seed. `right` is by clip, of the first seed. `over_folds` and
    `over_seeds` are standard deviations; `of_folds` and `of_speakers` the balanced accuracy of each;
    `of_folds` is empty where a configuration has no folds of its own.
    """

    scores: Values
    intervals: dict[str, Range]
    over_folds: Values
    over_seeds: Values
    of_folds: list[float]
    of_speakers: dict[str, float]
    confusions: Float[np.ndarray, "group class class"]
    confusion: Int64[np.ndarray, "class class"]
    right: Bool[np.ndarray, " clip"]


def score_configuration(configuration: Configuration, weights: Int64[np.ndarray, "resample group"] | None) -> Scored:
    """Every score; `weights` are resamples of the groups in sorted order, None where there can be no interval."""
    pooled, labels = configuration.pooled, configuration.labels
    tallies = [tally(table, labels, drawn_together(voices(table))) for table in pooled]
    estimates = _stacked([_scores(of_seed.total()) for of_seed in tallies])
    folds = _of_folds(configuration)
    confusions = np.mean([of_seed.sums.confusion for of_seed in tallies], axis=0)
    return Scored(
        scores={name: defined(float(values.mean())) for name, values in estimates.items()},
        intervals={} if weights is None else _intervals(tallies, weights),
        over_folds={name: spread(values) for name, values in folds.items()},
        over_seeds={name: spread(values) for name, values in estimates.items()},
        of_folds=folds["balanced_accuracy"].tolist() if configuration.folds else [],
        of_speakers=_of_speakers(pooled, labels),
        confusions=confusions,
        confusion=np.sum([of_seed.sums.confusion.sum(axis=0) for of_seed in tallies], axis=0).astype(np.int64),
        right=(pooled[0]["label"] == pooled[0]["prediction"]).to_numpy(),
    )


def spread(values: Float[np.ndarray, " value"]) -> float | None:
    """The standard deviation (n - 1); None of fewer than two values.

    >>> spread(np.array([1.0, 2.0, 3.0])), spread(np.array([1.0]))
    (1.0, None)
    """
    return defined(float(values.std(ddof=1))) if len(values) > 1 else None


def _of_folds(configuration: Configuration) -> dict[str, Float[np.ndarray, " fold"]]:
    """Every score of each fold, mean over seeds."""
    labels = configuration.labels
    by_seed = [
        _stacked([_scores(table_sums(table, labels)) for table in tables]) for tables in configuration.tests.values()
    ]
    return {name: np.mean([of_seed[name] for of_seed in by_seed], axis=0) for name in by_seed[0]}


def _of_speakers(pooled: Sequence[pl.DataFrame], labels: Sequence[str]) -> dict[str, float]:
    """The balanced accuracy of each speaker, mean over seeds."""
    names = voices(pooled[0])
    confusions = np.mean([group_sums(table, labels, names).confusion for table in pooled], axis=0)
    return dict(zip(names.unique().sort(), balanced_accuracy(confusions).tolist(), strict=True))


def _intervals(tallies: Sequence[Tally], weights: Int64[np.ndarray, "resample group"]) -> dict[str, Range]:
    resampled = [all_scores(of_seed.weighted(weights)) for of_seed in tallies]
    found = {}
    for name, values in _stacked([_scores(of_seed.total()) for of_seed in tallies]).items():
        if not np.isnan(values).any():
            of_mean = np.mean([of_seed[name] for of_seed in resampled], axis=0)
            found[name] = bounded(name, interval(of_mean, float(values.mean()), weights.shape[1]))
    return found


def _scores(sums: Sums) -> dict[str, float]:
    return {name: float(value) for name, value in all_scores(sums).items()}


def _stacked(rows: Sequence[dict[str, float]]) -> dict[str, Float[np.ndarray, " row"]]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
