"""The two consoles that every command writes to: results on standard output, progress and notices on standard error."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_table(console: Console, table: Table) -> None:
    """Print a table as wide as it is: a console that is too narrow, or a pipe, cuts no number."""
    table.width = Measurement.get(console, console.options.update(width=1000), table).maximum
    console.print(table)
