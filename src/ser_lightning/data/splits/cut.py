"""Pure: a validation part cut from the clips of training, by speaker, by text or by recording.

The table of training clips has the column unit, see `data/speakers.py`. What is cut off is as even in labels and
sexes as can be, and no recording is on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ser_lightning.data.speakers import tied, voices, voices_of
from ser_lightning.data.splits.base import Split, check_parts, few
from ser_lightning.data.splits.evenness import choose_units
from ser_lightning.data.splits.texts import spoken, text_units

VAL_FRACTION = 0.15
"""What is cut off where a splitter leaves no choice."""


class Cut(NamedTuple):
    """train or val for each row, and how they were told apart, for a note."""

    parts: pl.Series
    how: str


def by_speaker(table: pl.DataFrame, *, fraction: float, seed: int) -> Cut:
    """Whole speakers; raises UserError where none would be left."""
    num_val = max(1, round(fraction * table["unit"].n_unique()))
    parts = choose_units(table, num_test=0, num_val=num_val, seed=seed)
    return Cut(parts, f"by speaker ({few(table['unit'].filter(parts == 'val').unique())})")


def by_text(table: pl.DataFrame, *, fraction: float, seed: int) -> Cut:
    """Whole texts; recordings where there are no two texts, and nothing where there is one recording.

    Raises UserError where nothing would be left.
    """
    units, how, what = text_units(table), "by text", "texts"
    if spoken(table).unique().ne("").sum() < 2 or units.n_unique() < 2:
        units, how, what = table["recording"], "by clip, as there are no texts to tell apart", "clips"
    num_units = units.n_unique()
    num_val = 0 if num_units < 2 else max(1, round(fraction * num_units))
    parts = choose_units(table.with_columns(unit=units), num_test=0, num_val=num_val, seed=seed, what=what)
    return Cut(parts, how)


def by_speaker_or_text(table: pl.DataFrame, *, least: int, fraction: float, seed: int) -> Cut:
    """By speaker where there are at least so many, else by text."""
    cut = by_speaker if table["unit"].n_unique() >= least else by_text
    return cut(table, fraction=fraction, seed=seed)


def by_recording(table: pl.DataFrame, *, fraction: float, seed: int) -> Cut:
    """Recordings at random, in each label its share; nothing where there is one recording."""
    units = recordings(table)
    order = np.random.default_rng(seed).permutation(len(units))
    labels, sizes = units["label"].to_list(), units["len"].to_numpy()
    parts = np.full(len(units), "train", dtype=object)
    parts[take_share(order, [labels[i] for i in order], sizes, fraction if len(units) > 1 else 0)] = "val"
    return Cut(by_row(table, units, parts), "at random, stratified by label")


def of_two(table: pl.DataFrame, tested: str, *, fraction: float, seed: int) -> Split:
    """The rule for 2 speakers: one is tested, val is cut from the other by text; raises UserError."""
    [trained] = set(table["unit"].unique()) - {tested}
    cut = by_text(table.filter(pl.col("unit") == trained), fraction=fraction, seed=seed)
    parts = put(pl.repeat("test", len(table), eager=True), table["unit"] == trained, cut.parts)
    check_parts(parts)
    heard, known = voices_of(table, tested), voices_of(table, trained)
    note = f"2 speakers: {heard} is tested; val is cut from {known}, who is trained on, {cut.how}"
    return Split(parts, (note,))


def of_each_corpus(
    table: pl.DataFrame, parts: pl.Series, cutter: Callable[[pl.DataFrame], Cut]
) -> tuple[pl.Series, list[tuple[str, str]]]:
    """`parts` with a val part cut from the training clips of each corpus; and (corpus, how) for each.

    Speakers who share a recording are cut with the corpus whose name one of them gave to their unit.
    """
    where = parts.eq_missing(pl.Series(["train"]))
    rows = table.filter(where)
    named = rows.with_columns(voice=voices(rows)).with_columns(unit=tied(voices(rows), rows["recording"]))
    homes = named.group_by("voice").agg(home=pl.col("corpus").min())
    units = named.join(homes, left_on="unit", right_on="voice", how="left", maintain_order="left")
    told = []
    made = pl.repeat("train", len(units), eager=True)
    for home in units["home"].unique().sort():
        cut = cutter(units.filter(home=home))
        made = put(made, units["home"] == home, cut.parts)
        told.append((home, cut.how))
    return put(parts, where, made), told


def put(parts: pl.Series, where: pl.Series, values: pl.Series) -> pl.Series:
    """`parts` with `values` in the rows that are true in `where`.

    >>> put(pl.Series(["test", "a", "b"]), pl.Series([False, True, True]), pl.Series(["val", "train"])).to_list()
    ['test', 'val', 'train']
    """
    return parts.clone().scatter(where.arg_true(), values)


def recordings(table: pl.DataFrame) -> pl.DataFrame:
    """A row a recording, with its label and number of clips, in an order that the table's does not change."""
    return table.group_by("recording").agg(pl.col("clip").min(), pl.col("label").min(), pl.len()).sort("clip")


def by_row(table: pl.DataFrame, units: pl.DataFrame, parts: npt.NDArray[np.object_]) -> pl.Series:
    """The part of each row from those of its `recordings`."""
    named = pl.DataFrame({"recording": units["recording"], "part": pl.Series(parts.tolist(), dtype=pl.String)})
    return table.join(named, on="recording", how="left", maintain_order="left")["part"]


def take_share(
    order: npt.NDArray[np.int64], groups: Sequence[str], sizes: npt.NDArray[np.uint32], fraction: float
) -> list[int]:
    """The first units of each group that fill its share of the clips; shares are rounded by largest remainder."""
    members: dict[str, list[int]] = {}
    for unit, group in zip(order.tolist(), groups, strict=True):
        members.setdefault(group, []).append(unit)
    names = sorted(members)
    clips = np.array([sizes[members[name]].sum() for name in names])
    shares = clips * fraction
    quota = np.floor(shares + 1e-9).astype(int)
    missing = int(np.ceil(clips.sum() * fraction - 1e-9)) - int(quota.sum())
    for index in np.argsort(-(shares - quota), kind="stable")[:missing]:
        quota[index] += 1
    taken = []
    for name, wanted in zip(names, quota.tolist(), strict=True):
        for unit, size in zip(members[name], sizes[members[name]].tolist(), strict=True):
            if size <= wanted:
                taken.append(unit)
                wanted -= size
    return taken
