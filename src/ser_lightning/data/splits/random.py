"""Clips at random: the classic 80/20."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ser_lightning.data.splits.base import Fraction, Seed, Split, check_parts


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

    def split(self, table: pl.DataFrame) -> Split:
        """Draw recordings, within each label where stratified."""
        units = table.group_by("recording").agg(pl.col("clip").min(), pl.col("label").first(), pl.len()).sort("clip")
        order = np.random.default_rng(self.seed).permutation(len(units))
        groups = units["label"].to_list() if self.stratify else [""] * len(units)
        sizes = units["len"].to_numpy()
        parts = np.full(len(units), "train", dtype=object)
        for part, fraction in (("test", self.test_fraction), ("val", self.val_fraction)):
            free = order[parts[order] == "train"]
            taken = _take(free, [groups[i] for i in free], sizes, fraction)
            parts[taken] = part
        named = pl.DataFrame({"recording": units["recording"], "part": pl.Series(parts.tolist(), dtype=pl.String)})
        check_parts(named["part"])
        kind = "stratified by label" if self.stratify else "not stratified"
        return Split(table.join(named, on="recording", how="left", maintain_order="left")["part"], (kind,))


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
