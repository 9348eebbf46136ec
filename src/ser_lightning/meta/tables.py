"""The terminal's account of a stack: its scores beside its members', and by how much it is above each."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from ser_lightning.evaluation.comparison_terminal import said_difference
from ser_lightning.evaluation.intervals import said
from ser_lightning.evaluation.summary import shown
from ser_lightning.meta.comparison import Row


def comparison_table(rows: Sequence[Row]) -> Table:
    """Balanced accuracy of the members, their average and the stack, and by how much the stack is above each."""
    title = "Balanced accuracy (UAR); * the best member on val; differences are of test"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    for name in ("val", "test", "stack minus it"):
        table.add_column(name, justify="right")
    for row in rows:
        name = escape(row["name"]) + (" *" if row["best_on_val"] else "")
        minus = row["stack_minus_it"]
        cells = (
            shown(row["val"]),
            said(row["test"], row["test_interval"]),
            "" if minus is None else said_difference(minus["value"], minus["interval"]),
        )
        table.add_row(name, *cells, style="bold" if row["kind"] == "stack" else None)
    return table


def speakers_table(rows: Sequence[Row]) -> Table:
    """The difference of each speaker, where these are too few for an interval."""
    table = Table(title="Stack minus, by speaker", title_justify="left", box=SIMPLE_HEAD, show_edge=False)
    differences = [row["stack_minus_it"] for row in rows]
    table.add_column("")
    for row in rows:
        table.add_column(escape(row["name"]), justify="right")
    for speaker in sorted({name for one in differences if one for name in one["speakers"]}):
        table.add_row(speaker, *(f"{one['speakers'][speaker]:+.3f}" for one in differences if one))
    return table
