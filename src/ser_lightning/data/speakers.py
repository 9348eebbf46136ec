"""Pure: which speakers go to which part, so that labels and sexes are as even among the parts as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from ser_lightning.data.parts import PARTS
from ser_lightning.errors import UserError

CANDIDATES = 2000
"""Draws of speakers that are compared; the most even one is taken."""


def speaker_units(table: pl.DataFrame) -> list[str]:
    """A name for the speaker of each row, as corpus/speaker; speakers that share a recording share a name.

    Raises UserError where a clip has no speaker.
    """
    unknown = table.filter(pl.col("speaker") == "")
    if len(unknown):
        raise UserError(
            f"a speaker-disjoint split needs the speaker of every clip; {len(unknown)} have none, "
            f"such as {unknown['clip'][0]}; add a speaker column, or use split=random"
        )
    return tied((table["corpus"] + "/" + table["speaker"]).to_list(), table["recording"].to_list())


def tied(names: Sequence[str], recordings: Sequence[str]) -> list[str]:
    """`names`, where those that share a recording, directly or through others, all bear the least of theirs.

    >>> tied(["a", "b", "c", "d"], ["1", "2", "2", "3"])
    ['a', 'b', 'b', 'd']
    """
    root = {name: name for name in names}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    first: dict[str, str] = {}
    for name, recording in zip(names, recordings, strict=True):
        one, other = find(first.setdefault(recording, name)), find(name)
        root[max(one, other)] = min(one, other)
    return [find(name) for name in names]


def choose_speakers(
    table: pl.DataFrame, *, fixed: Mapping[str, str], num_test: int, num_val: int, seed: int
) -> dict[str, str]:
    """A part for each `unit` of the table: `num_test` and `num_val` of them, `fixed` ones as they are.

    Of many seeded draws the one is taken whose parts differ least from the whole in labels, sexes and size per
    speaker. Raises UserError where no speaker would be left for training.
    """
    units = sorted(set(table["unit"].to_list()))
    free = [unit for unit in units if unit not in fixed]
    open_test = num_test - sum(part == "test" for part in fixed.values())
    open_val = num_val - sum(part == "val" for part in fixed.values())
    if open_test + open_val >= len(free):
        raise UserError(
            f"{num_test} test and {num_val} val speakers leave none of {len(units)} for training; ask for fewer"
        )
    profile = _profiles(table, units)
    codes = np.array([PARTS.index(fixed.get(unit, "train")) for unit in units])
    where = np.array([units.index(unit) for unit in free])
    draws = np.random.default_rng(seed).random((CANDIDATES, len(free))).argsort(axis=1)
    drawn = np.tile(codes, (CANDIDATES, 1))
    rows = np.arange(CANDIDATES)[:, None]
    drawn[rows, where[draws[:, :open_test]]] = PARTS.index("test")
    drawn[rows, where[draws[:, open_test : open_test + open_val]]] = PARTS.index("val")
    best = drawn[int(_unevenness(drawn, profile).argmin())]
    return {unit: PARTS[code] for unit, code in zip(units, best.tolist(), strict=True)}


def _profiles(table: pl.DataFrame, units: list[str]) -> npt.NDArray[np.float64]:
    """Clips of each unit by label and by sex: [unit, label + sex]."""
    columns = []
    for key in ("label", "sex"):
        counts = table.group_by("unit", key).len()
        for value in sorted(set(table[key].to_list())):
            by_unit = dict(counts.filter(pl.col(key) == value).select("unit", "len").iter_rows())
            columns.append([float(by_unit.get(unit, 0)) for unit in units])
    return np.array(columns).T


def _unevenness(drawn: npt.NDArray[np.int64], profile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """How far each draw's parts are from the whole: sum of squared relative differences per [draw]."""
    share = profile.sum(axis=0) / len(profile)
    total = np.zeros(len(drawn))
    for code in range(len(PARTS)):
        member = (drawn == code).astype(float)
        mean = member @ profile / np.maximum(member.sum(axis=1, keepdims=True), 1)
        total += (((mean - share) / share) ** 2).sum(axis=1)
    return total
