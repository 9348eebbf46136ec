"""What every splitter is: a value that cuts a table of clips into train, val and test.

The same table and settings give the same parts, whatever the order of the rows. Clips of one recording never lie in
two parts, unless a published list says so. What a table cannot satisfy is said in one message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Protocol

import polars as pl
from annotated_types import Ge, Interval

from ser_lightning.data.parts import PARTS
from ser_lightning.errors import UserError

Fraction = Annotated[float, Interval(gt=0, lt=1)]
Seed = Annotated[int, Ge(0)]
Fold = Annotated[int, Ge(1)]
"""Folds count from 1."""


@dataclass(frozen=True)
class Split:
    """The part of each row of a table, in its order; null where the clip is in none.

    `notes` are for the protocol, `details` for its sentence; `fold` is which of `num_folds` it is, None where there
    are no folds, or not as many of each corpus. `drawn` tells whether chance had a part in it.
    """

    parts: pl.Series
    notes: tuple[str, ...] = ()
    fold: int | None = None
    num_folds: int | None = None
    details: str = ""
    drawn: bool = True


class Splitter(Protocol):
    """How a table is cut into parts."""

    @property
    def name(self) -> str:
        """The name under which the protocol knows it."""
        ...

    @property
    def seed(self) -> int | None:
        """What chance is drawn from; None where nothing is drawn."""
        ...

    def split(self, table: pl.DataFrame) -> Split:
        """Assign each row to a part.

        The table has the text columns clip, name, corpus, speaker, sex, text, label, and recording, which clips of
        the same audio share. Raises UserError.
        """
        ...


def check_parts(parts: pl.Series, advice: str = "raise its fraction") -> None:
    """Raise UserError with advice where a part is empty."""
    there = set(parts.unique())
    empty = [part for part in PARTS if part not in there]
    if empty:
        raise UserError(f"the split leaves no clip for {' and '.join(empty)} ({len(parts)} in all); {advice}")


def check_fold(fold: int, num_folds: int, reason: str) -> None:
    """Raise UserError where there is no such fold; the reason says where their number comes from."""
    if fold > num_folds:
        raise UserError(f"split.fold={fold} is not among the {num_folds} folds: {reason}; choose 1 to {num_folds}")


def check_choice(fold: int, key: str, *named: object) -> None:
    """Raise UserError where both a fold and the option `key` say what is tested."""
    given = [str(name) for name in named if name is not None]
    if given and fold != 1:
        raise UserError(
            f"what is tested is chosen by split.fold or by split.{key}, got fold {fold} and {', '.join(given)}; "
            "leave one out"
        )


def few(names: Iterable[str], most: int = 3) -> str:
    """The first names in sorted order, and how many more there are.

    >>> few(["d", "c", "b", "a"])
    'a, b, c and 1 more'
    """
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more
