"""The members' predictions of the same clips, side by side; refused where they are not of the same clips.

Parts are named as in the protocol: of single runs "val" is what the meta-learner is fitted on and "test" what it is
tested on; of runs over folds there is one table, of each fold's test part, and `fold` says which fold tested a clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float, Int64

from ser_lightning.data.splits.base import few
from ser_lightning.errors import UserError
from ser_lightning.evaluation.runs import FinishedRun
from ser_lightning.meta.features import features, member_probabilities, targets, with_probabilities
from ser_lightning.meta.members import Member

ADVICE = "members need the same corpus, label_set, split, split.seed and split.fold"


@dataclass(frozen=True, eq=False)
class Clips:
    """The same clips as all members see them; `table` is the first member's."""

    table: pl.DataFrame
    labels: tuple[str, ...]
    probabilities: Float[np.ndarray, "member clip class"]

    @property
    def features(self) -> Float[np.ndarray, "clip feature"]:
        """What the meta-learner sees."""
        return features(self.probabilities)

    @property
    def target(self) -> Int64[np.ndarray, " clip"]:
        """The index of each clip's label."""
        return targets(self.table, self.labels)

    def predicted(self, probabilities: Float[np.ndarray, "clip class"]) -> pl.DataFrame:
        """The predictions table of these clips with other probabilities."""
        return with_probabilities(self.table, probabilities, self.labels)

    def of_member(self, index: int) -> pl.DataFrame:
        """The predictions table of one member."""
        return self.predicted(self.probabilities[index])

    def averaged(self) -> pl.DataFrame:
        """The predictions table of the members' mean probabilities."""
        return self.predicted(self.probabilities.mean(axis=0))


@dataclass(frozen=True, eq=False)
class Together:
    """The members' clips by part, and of members over folds the fold that tested each clip (else empty)."""

    members: tuple[Member, ...]
    parts: Mapping[str, Clips]
    fold: Int64[np.ndarray, " clip"]

    @property
    def over_folds(self) -> bool:
        """Whether the members are runs over folds."""
        return self.members[0].over_folds

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes of all members."""
        return self.members[0].first.labels


def put_together(members: Sequence[Member]) -> Together:
    """The clips that all members predicted; raises UserError with every way in which they differ."""
    problems = list(_differing_kinds(members))
    if not problems:
        problems = list(_differing_clips(members))
    if problems:
        raise UserError([*problems, f"nothing can be stacked that is not of the same clips: {ADVICE}"])
    if not members[0].over_folds:
        parts = {part: _clips(members, [[member.first.predictions(part)] for member in members]) for part in PARTS}
        return Together(tuple(members), parts, np.zeros(0, dtype=np.int64))
    tables = [[run.predictions("test") for run in member.runs] for member in members]
    fold = np.repeat(np.arange(1, len(tables[0]) + 1), [len(table) for table in tables[0]])
    return Together(tuple(members), {"test": _clips(members, tables)}, fold)


PARTS = ("val", "test")


def _clips(members: Sequence[Member], tables: Sequence[Sequence[pl.DataFrame]]) -> Clips:
    """The clips of one part, from the tables of each member's runs."""
    whole = [pl.concat(of_member) for of_member in tables]
    labels = members[0].first.labels
    return Clips(whole[0], labels, member_probabilities(whole, labels))


def _differing_kinds(members: Sequence[Member]) -> Iterator[str]:
    """In what the members as a whole differ from the first."""
    a = members[0]
    for b in members[1:]:
        if a.over_folds != b.over_folds:
            single, folds = (b, a) if a.over_folds else (a, b)
            yield f"{single.name} is a single run, {folds.name} the folds of a multirun; name all of one kind"
        if a.first.labels != b.first.labels:
            yield (
                f"the classes differ: {a.name} has {', '.join(a.first.labels)}; {b.name} has "
                f"{', '.join(b.first.labels)} (their order counts too)"
            )
        rates = a.first.config["sample_rate"], b.first.config["sample_rate"]
        if rates[0] != rates[1]:
            yield f"the rates differ: {a.name} has sample_rate={rates[0]}, {b.name} has sample_rate={rates[1]}"
        if a.over_folds and b.over_folds and len(a.runs) != len(b.runs):
            yield f"the folds differ: {a.name} has {len(a.runs)}, {b.name} has {len(b.runs)}"


def _differing_clips(members: Sequence[Member]) -> Iterator[str]:
    """The clips, and labels of clips, that any member has otherwise than the first."""
    a = members[0]
    for b in members[1:]:
        for one, other in zip(a.runs, b.runs, strict=True):
            for part in ("test",) if a.over_folds else PARTS:
                place = f"{part} clips of fold {one.protocol['split_fold']}" if a.over_folds else f"{part} clips"
                for difference in clip_differences(*_tables(one, other, part), a.name, b.name):
                    yield f"the {place} differ: {difference}"


def _tables(one: FinishedRun, other: FinishedRun, part: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    return one.predictions(part), other.predictions(part)


def clip_differences(one: pl.DataFrame, other: pl.DataFrame, name: str, other_name: str) -> Iterator[str]:
    """How two tables (columns clip, label) are not of the same clips with the same labels.

    >>> a = pl.DataFrame({"clip": ["x", "y"], "label": ["sad", "sad"]})
    >>> b = pl.DataFrame({"clip": ["x", "z"], "label": ["happy", "sad"]})
    >>> for line in clip_differences(a, b, "A", "B"): print(line)
    1 only in A (y)
    1 only in B (z)
    1 labelled otherwise in B (x: sad and happy)
    """
    for here, there, where in ((one, other, name), (other, one, other_name)):
        only = here.join(there, on="clip", how="anti")["clip"].to_list()
        if only:
            yield f"{len(only)} only in {where} ({few(only)})"
    both = one.select("clip", "label").join(other.select("clip", other="label"), on="clip", maintain_order="left")
    changed = both.filter(pl.col("label") != pl.col("other"))
    if len(changed):
        examples = changed.select(pl.format("{}: {} and {}", "clip", "label", "other")).to_series().to_list()
        yield f"{len(changed)} labelled otherwise in {other_name} ({few(examples)})"
