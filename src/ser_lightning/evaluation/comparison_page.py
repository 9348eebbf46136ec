"""The comparison as one HTML page that needs nothing but itself: of each protocol the ranking, pairs and confusions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ser_lightning.drawing import ABSENT, FAINT, INK, canvas, png
from ser_lightning.evaluation.comparison import Comparison, Standing
from ser_lightning.evaluation.comparison_groups import Groups
from ser_lightning.evaluation.comparison_names import differing_within_kinds, said_value
from ser_lightning.evaluation.comparison_terminal import (
    interval_line,
    pairs_note,
    repetitions,
    said_difference,
    said_p,
)
from ser_lightning.evaluation.intervals import said
from ser_lightning.evaluation.plots import TRAIN, confusion_figure
from ser_lightning.evaluation.report_values import Score, group_tables
from ser_lightning.evaluation.scores import NAMES
from ser_lightning.pages import data_uri, render, write_page

MOST_PICTURES = 8
"""Of so many configurations of a protocol, the best ones, confusion and groups are shown; the .csv files have all."""


def write_comparison(folder: Path, comparison: Comparison, groups: Groups) -> Path:
    """Write `<folder>/index.html` and its pictures beside it; return the page's path."""
    pictures = {name: png(figure) for name, figure in _figures(comparison).items()}
    page = render(
        "ser_lightning.evaluation",
        "comparison.html.j2",
        filters={"score": _score, "p": said_p, "signed": said_difference, "share": _share, "cell": _cell},
        rankings=comparison.rankings,
        apart=comparison.apart,
        keys=comparison.keys,
        most=MOST_PICTURES,
        settings=settings_rows(comparison),
        names=_scores_there(comparison),
        said_score=_said_score,
        interval_line=interval_line,
        groupings={(place.protocol, place.rank): group_tables(of_one) for place, of_one in groups.items()},
        repetitions=repetitions,
        pairs_note=pairs_note,
        pictures={name: data_uri("image/png", content) for name, content in pictures.items()},
    )
    return write_page(folder, page, pictures)


def settings_rows(comparison: Comparison) -> dict[str, list[str]]:
    """The value of every key that differs in each configuration, in the order of the page; a dash where it has none."""
    every = [one.configuration.settings for ranking in comparison.rankings for one in ranking.standings]
    return {
        key.removesuffix("._target_"): [
            said_value(key, settings[key]) if key in settings else "—" for settings in every
        ]
        for key in differing_within_kinds(every)
    }


def ranking_figure(standings: Sequence[Standing]) -> Figure:
    """The balanced accuracy of each place with its interval, and those of its folds as small dots."""
    figure, axes = canvas(4.7, 0.9 + 0.4 * len(standings))
    for one in standings:
        value, around = one.scored.scores["balanced_accuracy"], one.scored.intervals.get("balanced_accuracy")
        folds = one.scored.of_folds if len(one.scored.of_folds) > 1 else []
        axes.plot(folds, [one.rank] * len(folds), "o", color=FAINT, markersize=4, alpha=0.7)
        if around is not None:
            axes.plot(around, [one.rank, one.rank], color=TRAIN, linewidth=2.5, solid_capstyle="butt")
        axes.plot([value or 0.0], [one.rank], "D", color=TRAIN, markersize=8, markeredgecolor="white")
    axes.set_yticks(range(1, len(standings) + 1), [str(one.rank) for one in standings])
    axes.set(ylim=(len(standings) + 0.6, 0.4), xlabel="balanced accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis="x", color=ABSENT)
    axes.set_axisbelow(True)
    axes.yaxis.label.set_color(INK)
    return figure


def _figures(comparison: Comparison) -> dict[str, Figure]:
    """By file name: `ranking_<protocol>` of several configurations, and `confusion_<protocol>_<rank>`."""
    figures = {}
    for number, ranking in enumerate(comparison.rankings, start=1):
        if len(ranking.standings) > 1:
            figures[f"ranking_{number}"] = ranking_figure(ranking.standings)
        for one in ranking.standings[:MOST_PICTURES]:
            figures[f"confusion_{number}_{one.rank}"] = confusion_figure(one.scored.confusion.tolist(), ranking.labels)
    return figures


def _scores_there(comparison: Comparison) -> dict[str, str]:
    """The scores that some configuration has, and what they are called."""
    every = [one.scored.scores for ranking in comparison.rankings for one in ranking.standings]
    return {key: name for key, name in NAMES.items() if any(scores[key] is not None for scores in every)}


def _said_score(one: Standing, name: str) -> str:
    return said(one.scored.scores[name], one.scored.intervals.get(name)).replace(" [", "\u00a0[")


def _cell(cell: Score) -> str:
    return said(cell.value, cell.interval).replace(" [", "\u00a0[")


def _score(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def _share(one: Standing, row: int, column: int) -> str:
    total = int(np.sum(one.scored.confusion[row]))
    return f"{one.scored.confusion[row, column] / total:.0%}" if total else "—"
