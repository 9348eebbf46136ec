"""The comparison in the terminal: of each protocol its sentence, the ranking, the pairs, and what they cannot tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ser_lightning.evaluation.comparison import Comparison, Pair, Ranking, Standing
from ser_lightning.evaluation.intervals import LEVEL, METHOD, Range, said
from ser_lightning.evaluation.scores import NAMES
from ser_lightning.evaluation.summary import shown
from ser_lightning.terminal import print_table

MOST_PAIRS = 20
"""So many pairs are printed; pairs.csv has all."""
NUMBER_COLUMNS = 85
"""What the ranking takes besides the names."""


def renderings(comparison: Comparison, *, name_columns: int) -> Iterator[Table | str]:
    """What is printed of a comparison, line by line and table by table; longer names go over several lines."""
    for ranking in comparison.rankings:
        yield from ranking_lines(ranking, name_columns=name_columns)
        yield ""
    if comparison.apart:
        yield f"[yellow]{escape(comparison.apart)}[/yellow]"


def show(console: Console, comparison: Comparison) -> None:
    """Print a comparison. No column of numbers is cut, however narrow the console: the names are what gives way."""
    name_columns = max(24, console.width - NUMBER_COLUMNS) if console.is_terminal else 60
    print_lines(console, renderings(comparison, name_columns=name_columns))


def print_lines(console: Console, lines: Iterable[Table | str]) -> None:
    """Print lines (as markup) and tables, these as wide as they are."""
    for line in lines:
        if isinstance(line, Table):
            print_table(console, line)
        else:
            console.print(line)


def ranking_lines(ranking: Ranking, *, name_columns: int) -> Iterator[Table | str]:
    """What is printed of one protocol."""
    yield f"protocol: {escape(ranking.protocol.sentence)}"
    yield ranking_table(ranking, name_columns)
    yield escape(interval_line(ranking))
    for note in ranking.notes:
        yield escape(f"note: {note}")
    if len(ranking.folds) > 1:
        yield folds_table(ranking)
    if ranking.no_interval:
        yield speakers_table(ranking)
    if ranking.pairs:
        yield pairs_table(ranking.pairs[:MOST_PAIRS])
        yield pairs_note(ranking)
    if len(ranking.pairs) > MOST_PAIRS:
        yield f"note: {len(ranking.pairs) - MOST_PAIRS} more pairs are in pairs.csv"
    for note in ranking.run_notes.printed():
        yield escape(f"note: {note}")


def ranking_table(ranking: Ranking, name_columns: int) -> Table:
    """The configurations in order, with intervals; deviations where there are several values."""
    table = plain_table("Ranking by balanced accuracy" if len(ranking.standings) > 1 else "Scores")
    table.add_column("", justify="right")
    table.add_column("configuration", overflow="fold", max_width=name_columns)
    _columns(table, NAMES["balanced_accuracy"])
    deviations = {
        name: values
        for name, values in (
            ("sd folds", [one.scored.over_folds["balanced_accuracy"] for one in ranking.standings]),
            (f"sd {repetitions(ranking)}", [one.scored.over_seeds["balanced_accuracy"] for one in ranking.standings]),
        )
        if any(value is not None for value in values)
    }
    _columns(table, *deviations, "accuracy", "macro F1", "AUROC")
    for index, one in enumerate(ranking.standings):
        spreads = [shown(values[index]) for values in deviations.values()]
        others = [shown(one.scored.scores[name]) for name in ("accuracy", "macro_f1", "auroc")]
        table.add_row(str(one.rank), escape(one.name), said_score(one, "balanced_accuracy"), *spreads, *others)
    return table


def folds_table(ranking: Ranking) -> Table:
    """The balanced accuracy of each fold, mean over seeds; a dash where a configuration has no folds of its own."""
    table = plain_table("Balanced accuracy of each fold")
    table.add_column("", justify="right")
    _columns(table, *(f"fold {fold}" for fold in ranking.folds))
    for one in ranking.standings:
        table.add_row(str(one.rank), *(shown(one.of_fold.get(fold)) for fold in ranking.folds))
    return table


def pairs_table(pairs: tuple[Pair, ...]) -> Table:
    """The difference of every two places, and how rare it would be by chance."""
    table = plain_table("Differences of balanced accuracy")
    _columns(table, "pair", "difference", "p", "p (Holm)", "McNemar p (clip level)")
    for pair in pairs:
        table.add_row(
            f"{pair.first} - {pair.second}",
            said_difference(pair.difference, pair.around),
            said_p(None if pair.test is None else pair.test.p),
            said_p(pair.adjusted_p),
            said_p(pair.clip_level.p),
        )
    return table


def speakers_table(ranking: Ranking) -> Table:
    """The balanced accuracy of each speaker, where there are too few for an interval."""
    table = plain_table("Balanced accuracy of each speaker")
    table.add_column("speaker")
    _columns(table, *(str(one.rank) for one in ranking.standings))
    for speaker in ranking.standings[0].scored.of_speakers:
        values = (f"{one.scored.of_speakers[speaker]:.3f}" for one in ranking.standings)
        table.add_row(escape(speaker or "not known"), *values)
    return table


def pairs_note(ranking: Ranking) -> str:
    """How the pairs are tested."""
    first = f", of the first of the {repetitions(ranking)} of each," if _most_repetitions(ranking) > 1 else ""
    return (
        "p: sign-flip permutation over speakers, two-sided; Holm: corrected for the number of pairs. McNemar"
        f"{first} takes the clips of a speaker for independent, so it is no ground for a ranking"
    )


def interval_line(ranking: Ranking) -> str:
    """What the brackets are, or why there are none; and what several seeds mean."""
    means = f"; scores are means over {repetitions(ranking)}" if _most_repetitions(ranking) > 1 else ""
    if ranking.no_interval:
        return f"no intervals: {ranking.no_interval}{means}"
    return f"[ ]: {LEVEL:.0%} interval of {ranking.num_speakers} speakers, by a {METHOD}{means}"


def said_score(one: Standing, name: str) -> str:
    """A score of a configuration with its interval."""
    return said(one.scored.scores[name], one.scored.intervals.get(name))


def said_difference(value: float, around: Range | None) -> str:
    """A difference with its sign, and its interval where there is one.

    >>> said_difference(0.02, (-0.01, 0.05)), said_difference(-0.02, None)
    ('+0.020 [-0.010, +0.050]', '-0.020')
    """
    return f"{value:+.3f}" if around is None else f"{value:+.3f} [{around[0]:+.3f}, {around[1]:+.3f}]"


def said_p(p: float | None) -> str:
    """A p value to three decimals.

    >>> said_p(0.0316), said_p(0.0001), said_p(None)
    ('0.032', '<0.001', '-')
    """
    if p is None:
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def plain_table(title: str) -> Table:
    """An empty table in the look of our terminal."""
    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False)


def _columns(table: Table, *names: str) -> None:
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)


def repetitions(ranking: Ranking) -> str:
    """What scores are averaged over: seeds, or models, where these were also trained on several folds."""
    every = [of for one in ranking.standings for of in one.configuration.tests]
    return "seeds" if all(of.trained_fold is None for of in every) else "models"


def _most_repetitions(ranking: Ranking) -> int:
    return max(len(one.configuration.tests) for one in ranking.standings)
