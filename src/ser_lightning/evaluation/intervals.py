"""How far a score could be off: intervals over speakers, because clips of one speaker err together.

A bootstrap over clips would take a speaker's 60 clips for 60 independent votes. Here whole speakers are drawn with
replacement, and the percentiles are expanded (Hesterberg 2015, "What teachers should know about the bootstrap"): the
plain ones are too narrow by about the factor between the normal and Student's t distribution, and by sqrt(n / (n - 1)).
`python benchmarks/interval_coverage.py` measures how often such an interval holds the truth, that is the score of
endlessly many speakers like these.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import polars as pl
from jaxtyping import Float, Int64
from scipy import stats

from ser_lightning.evaluation.scores import RANGES, all_scores
from ser_lightning.evaluation.tallies import Tally, numbered, tally

LEVEL = 0.95
NUM_RESAMPLES = 2000
LEAST_SPEAKERS = 10
MOST_GROUPS = 1000
"""More speakers than these are drawn in bundles: what a tally takes grows with the square of its groups."""
METHOD = "bootstrap over speakers, expanded percentiles"
Range = tuple[float, float]


class Intervals(TypedDict):
    """The intervals of a part as in metrics.json: low and high by score; none, and the reason, of too few speakers."""

    level: float
    method: str
    speakers: int
    reason: str
    scores: dict[str, Range]


def table_intervals(table: pl.DataFrame, labels: Sequence[str], *, seed: int = 0) -> Intervals:
    """The interval of every score of a predictions table, over its speakers (columns corpus, speaker)."""
    reason = too_few(table)
    scores = {} if reason else tally_intervals(tally(table, labels, drawn_together(voices(table))), seed=seed)
    return Intervals(level=LEVEL, method=METHOD, speakers=num_voices(table), reason=reason, scores=scores)


def tally_intervals(of_groups: Tally, *, seed: int = 0) -> dict[str, Range]:
    """The interval of every defined score, from resamples of the groups of a tally."""
    num_groups = len(of_groups.sums.log_loss)
    resampled = all_scores(of_groups.weighted(resample_weights(num_groups, seed=seed)))
    return {
        name: bounded(name, interval(resampled[name], float(estimate), num_groups))
        for name, estimate in all_scores(of_groups.total()).items()
        if not np.isnan(estimate)
    }


def voices(table: pl.DataFrame) -> pl.Series:
    """The speaker of each row as corpus/speaker; an unknown one is empty."""
    return table.select(
        pl.when(pl.col("speaker") == "").then(pl.lit("")).otherwise(pl.format("{}/{}", "corpus", "speaker"))
    ).to_series()


def num_voices(table: pl.DataFrame) -> int:
    """How many speakers are known in a table."""
    return table.filter(pl.col("speaker") != "").select("corpus", "speaker").n_unique()


def drawn_together(names: pl.Series) -> pl.Series:
    """What is drawn as one: each speaker, or of more than MOST_GROUPS the n-th in bundle n modulo MOST_GROUPS."""
    number, num = numbered(names, len(names))
    return names if num <= MOST_GROUPS else pl.Series(number % MOST_GROUPS)


def too_few(table: pl.DataFrame) -> str:
    """Why there can be no interval over the speakers of a table; empty where there can."""
    unknown, num = int((table["speaker"] == "").sum()), num_voices(table)
    if unknown:
        of = "the speaker of 1 clip is" if unknown == 1 else f"the speakers of {unknown} clips are"
        return f"{of} not known, and an interval must be one over speakers"
    if num < LEAST_SPEAKERS:
        if num == 1:
            return f"one speaker gives no interval ({LEAST_SPEAKERS} are needed): how far others differ is not known"
        return f"{num} speakers are too few for an interval ({LEAST_SPEAKERS} are needed): look at the values of each"
    return ""


def resample_weights(
    num_groups: int, *, num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> Int64[np.ndarray, "resample group"]:
    """How often each group is drawn in each resample of as many groups."""
    return np.random.default_rng(seed).multinomial(num_groups, np.full(num_groups, 1 / num_groups), num_resamples)


def interval(resampled: Float[np.ndarray, " resample"], estimate: float, num_groups: int) -> Range:
    """The expanded percentile interval of one score, mended for what the resamples are off on average.

    A score that is biased by nature, as the calibration error is (chance alone makes one), is biased once in the
    estimate and once more in its resamples. So both ends move back by that excess, and the end on the other side once
    more, as the estimate itself could be off by it. A calibration error that is all chance stays out of reach: then
    even so the interval lies too high. Resamples in which the score is undefined are left out.
    """
    there = resampled[~np.isnan(resampled)]
    tail = expanded_tail(num_groups)
    low, high = np.quantile(there, [tail, 1 - tail])
    excess = there.mean() - estimate
    return float(low - excess - max(excess, 0.0)), float(high - excess - min(excess, 0.0))


def paired_interval(
    name: str,
    first: Float[np.ndarray, " resample"],
    second: Float[np.ndarray, " resample"],
    difference: float,
    num_groups: int,
) -> Range:
    """The interval of a score's difference, first minus second, each resample with the same groups drawn for both.

    It lies within the values that a difference of this score can take: -1 to 1 of one between 0 and 1.
    """
    least, most = RANGES.get(name, (0.0, 1.0))
    low, high = interval(first - second, difference, num_groups)
    return max(low, least - most), min(high, most - least)


def bounded(name: str, around: Range) -> Range:
    """The interval within the values that the score can take.

    >>> bounded("ece", (-0.01, 0.04)), bounded("kappa", (-0.2, 0.9))
    ((0.0, 0.04), (-0.2, 0.9))
    """
    least, most = RANGES.get(name, (0.0, 1.0))
    return max(around[0], least), min(around[1], most)


def expanded_tail(num_groups: int, level: float = LEVEL) -> float:
    """The share of resamples that is cut off at each end.

    >>> round(expanded_tail(12), 4), round(expanded_tail(10000), 4)
    (0.0108, 0.025)
    """
    quantile = stats.t.ppf((1 + level) / 2, num_groups - 1)
    return float(stats.norm.sf(math.sqrt(num_groups / (num_groups - 1)) * quantile))


def said(value: float | None, around: Range | None) -> str:
    """A score with its interval as it is printed.

    >>> said(0.5, (0.41, 0.59)), said(0.5, None), said(None, None)
    ('0.500 [0.410, 0.590]', '0.500', '-')
    """
    if value is None:
        return "-"
    return f"{value:.3f}" if around is None else f"{value:.3f} [{around[0]:.3f}, {around[1]:.3f}]"
