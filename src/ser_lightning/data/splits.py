"""Pure: a table of clips -> train, val or test for each of them.

A splitter is a value: the same table and seed give the same parts, whatever the order of the rows. Identical audio
never lies in two parts. What a table cannot satisfy is said in one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl
from annotated_types import Ge, Interval

from ser_lightning.data.parts import PARTS
from ser_lightning.data.speakers import choose_speakers, speaker_units, tied
from ser_lightning.errors import UserError, did_you_mean

Fraction = Annotated[float, Interval(gt=0, lt=1)]
Seed = Annotated[int, Ge(0)]


class Splitter(Protocol):
    """How a table is cut into parts; `describe` says it in a few words for the protocol."""

    @property
    def name(self) -> str:
        """The name under which the protocol knows it."""
        ...

    @property
    def seed(self) -> int:
        """What chance is drawn from."""
        ...

    def split(self, table: pl.DataFrame) -> tuple[pl.Series, tuple[str, ...]]:
        """A part for each row, in the table's order, and notes for the protocol.

        The table has columns clip, corpus, speaker, sex, text, label, hash. Raises UserError.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Random:
    """Clips at random, the classic 80/20: speakers are in all parts, so the score is that of known voices.

    `val_fraction` is cut from what `test_fraction` leaves.
    """

    seed: Seed = 0
    test_fraction: Fraction = 0.2
    val_fraction: Fraction = 0.1
    stratify: bool = True
    name: str = "random"

    def split(self, table: pl.DataFrame) -> tuple[pl.Series, tuple[str, ...]]:
        """Draw units of identical audio, within each label where stratified."""
        units = table.group_by("hash").agg(pl.col("clip").min(), pl.col("label").first(), pl.len()).sort("clip")
        order = np.random.default_rng(self.seed).permutation(len(units))
        groups = units["label"].to_list() if self.stratify else [""] * len(units)
        sizes = units["len"].to_numpy()
        parts = np.full(len(units), "train", dtype=object)
        for part, fraction in (("test", self.test_fraction), ("val", self.val_fraction)):
            free = order[parts[order] == "train"]
            taken = _take(free, [groups[i] for i in free], sizes, fraction)
            parts[taken] = part
        _check_parts(parts)
        named = pl.DataFrame({"hash": units["hash"], "part": pl.Series(parts.tolist(), dtype=pl.String)})
        kind = "stratified by label" if self.stratify else "not stratified"
        return table.join(named, on="hash", how="left", maintain_order="left")["part"], (kind,)


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """Disjoint speakers: no voice of test or val is in training.

    Speakers are drawn so that labels and sexes are as even among the parts as can be. With two speakers one is
    tested and val is cut from the other by text. `test_speakers` and `val_speakers` fix the choice.
    """

    seed: Seed = 0
    test_fraction: Fraction = 0.2
    val_fraction: Fraction = 0.15
    test_speakers: Sequence[str | int] = ()
    val_speakers: Sequence[str | int] = ()
    name: str = "speaker"

    def split(self, table: pl.DataFrame) -> tuple[pl.Series, tuple[str, ...]]:
        """Assign whole speakers; speakers that share identical audio stay together."""
        units = speaker_units(table)
        names = sorted(set(units))
        if len(names) < 2:
            raise UserError(
                f"split=speaker needs at least 2 speakers, the data has {len(names)} "
                f"({', '.join(names) or 'none'}); use split=random, and mind what its score means"
            )
        test = _wanted("test_speakers", list(map(str, self.test_speakers)), units, table)
        val = _wanted("val_speakers", list(map(str, self.val_speakers)), units, table)
        if test & val:
            raise UserError(f"split.test_speakers and split.val_speakers share {', '.join(sorted(test & val))}")
        if len(names) == 2:
            return self._of_two(table, units, names, test)
        parts = choose_speakers(
            table.with_columns(unit=pl.Series(units)),
            fixed=dict.fromkeys(test, "test") | dict.fromkeys(val, "val"),
            num_test=len(test) or max(1, round(self.test_fraction * len(names))),
            num_val=len(val) or max(1, round(self.val_fraction * len(names))),
            seed=self.seed,
        )
        return pl.Series([parts[unit] for unit in units], dtype=pl.String), ()

    def _of_two(
        self, table: pl.DataFrame, units: list[str], names: list[str], test: set[str]
    ) -> tuple[pl.Series, tuple[str, ...]]:
        """One speaker is tested; a share of the other's texts is val."""
        if len(test) > 1 or self.val_speakers:
            raise UserError("with 2 speakers name one in split.test_speakers: val is cut from the other by text")
        rng = np.random.default_rng(self.seed)
        tested = next(iter(test)) if test else names[int(rng.integers(2))]
        other = table.with_columns(unit=pl.Series(units)).filter(pl.col("unit") != tested)
        spoken = sorted(set(other["text"].to_list()) - {""})
        key, what = ("text", "text") if len(spoken) > 1 else ("hash", "clip, as there are no texts to tell apart")
        groups = tied(other[key].to_list(), other["hash"].to_list())
        values = sorted(set(groups))
        num_val = max(1, round(self.val_fraction * len(values)))
        val = {values[i] for i in rng.permutation(len(values))[:num_val]}
        others = iter(["val" if group in val else "train" for group in groups])
        parts = ["test" if unit == tested else next(others) for unit in units]
        _check_parts(np.array(parts))
        trained = names[0] if tested == names[1] else names[1]
        return pl.Series(parts, dtype=pl.String), (
            f"2 speakers: {tested} is tested; val is cut from {trained}, who is trained on, by {what}",
        )


def _take(order: npt.NDArray[np.int64], groups: list[str], sizes: npt.NDArray[np.uint32], fraction: float) -> list[int]:
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
        for unit in members[name]:
            if sizes[unit] <= wanted:
                taken.append(unit)
                wanted -= int(sizes[unit])
    return taken


def _wanted(key: str, wanted: Sequence[str], units: list[str], table: pl.DataFrame) -> set[str]:
    """The units of the speakers a user named, as `YAF` or `tess/YAF`."""
    known: dict[str, dict[str, str]] = {}
    for corpus, speaker, unit in zip(table["corpus"], table["speaker"], units, strict=True):
        full = f"{corpus}/{speaker}"
        known.setdefault(speaker, {})[full] = unit
        known.setdefault(full, {})[full] = unit
    problems = [
        f"split.{key}: no clip is of speaker '{name}'{did_you_mean(name, table['speaker'].unique())}"
        for name in wanted
        if name not in known
    ]
    problems += [
        f"split.{key}: '{name}' is a speaker of several corpora; name {' or '.join(sorted(known[name]))}"
        for name in wanted
        if len(known.get(name, ())) > 1
    ]
    if problems:
        raise UserError(problems)
    return {unit for name in wanted for unit in known[name].values()}


def _check_parts(parts: npt.NDArray[np.object_]) -> None:
    empty = [part for part in PARTS if not (parts == part).any()]
    if empty:
        raise UserError(f"the split leaves no clip for {' and '.join(empty)} ({len(parts)} in all); raise its fraction")
