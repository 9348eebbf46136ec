"""The stack beside its members, their average and the best of them, on the same test clips.

A difference is surer than two scores: easy speakers are easy for all, so the same speakers are drawn for both sides
and the difference of each draw is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import polars as pl

from ser_lightning.evaluation.intervals import (
    Range,
    drawn_together,
    paired_interval,
    resample_weights,
    table_intervals,
    too_few,
    voices,
)
from ser_lightning.evaluation.scores import balanced_accuracy
from ser_lightning.evaluation.tallies import tally
from ser_lightning.meta.fitting import Fitted
from ser_lightning.meta.together import Together


class Difference(TypedDict):
    """By how much balanced accuracy the stack is above another; `speakers` where these are too few for an interval."""

    value: float
    interval: Range | None
    reason: str
    speakers: dict[str, float]


class Row(TypedDict):
    """A model's balanced accuracy on val (None where there is none) and test, and the stack's difference to it."""

    name: str
    kind: str
    best_on_val: bool
    val: float | None
    test: float
    test_interval: Range | None
    stack_minus_it: Difference | None


class Model(NamedTuple):
    """One of those compared: its name, what kind it is, its score on val, and its test predictions."""

    name: str
    kind: str
    val: float | None
    test: pl.DataFrame


def compared(together: Together, fitted: Fitted) -> list[Row]:
    """A row for each member, for the average of their probabilities, and for the stack at last.

    The best member is the one with the best score on val, which over folds is the mean of its runs' own.
    """
    stack = fitted.tables["test"]
    models = [*_members(together), _average(together)]
    on_val = [model.val or 0.0 for model in models if model.kind == "member"]
    best = int(np.argmax(on_val))
    rows = [
        _row(model, together.labels, index == best, difference(stack, model.test, together.labels))
        for index, model in enumerate(models)
    ]
    unseen = score(fitted.tables["val"], together.labels) if "val" in fitted.tables else None
    return [*rows, _row(Model("stack", "stack", unseen, stack), together.labels, False, None)]


def not_beaten(rows: Sequence[Row]) -> list[str]:
    """Of the best member on val and the average those that the stack is not clearly above.

    Clearly: by an interval above 0 or, of too few speakers for one, for every speaker.
    """
    rivals = [row for row in rows if row["best_on_val"] or row["kind"] == "average"]
    return [row["name"] for row in rivals if row["stack_minus_it"] and not _above(row["stack_minus_it"])]


def _above(minus: Difference) -> bool:
    least = minus["interval"][0] if minus["interval"] else min(minus["speakers"].values(), default=0.0)
    return min(minus["value"], least) > 0


def difference(stack: pl.DataFrame, other: pl.DataFrame, labels: Sequence[str], *, seed: int = 0) -> Difference:
    """Balanced accuracy of `stack` minus that of `other`, two predictions tables of the same clips.

    The interval is over speakers; where there are fewer than ten its reason says so, and each speaker's own difference
    is given instead.
    """
    tallies = [tally(table, labels, drawn_together(voices(table))) for table in (stack, other)]
    estimate = float(np.subtract(*(balanced_accuracy(one.total().confusion) for one in tallies)))
    if reason := too_few(stack):
        names = np.unique(voices(stack).to_numpy()).tolist()
        of_each = np.subtract(*(balanced_accuracy(one.sums.confusion) for one in tallies))
        known = {name: float(value) for name, value in zip(names, of_each, strict=True) if name}
        return Difference(value=estimate, interval=None, reason=reason, speakers=known)
    num_groups = len(tallies[0].sums.log_loss)
    weights = resample_weights(num_groups, seed=seed)
    of_stack, of_other = (balanced_accuracy(one.weighted(weights).confusion) for one in tallies)
    around = paired_interval("balanced_accuracy", of_stack, of_other, estimate, num_groups)
    return Difference(value=estimate, interval=around, reason="", speakers={})


def score(table: pl.DataFrame, labels: Sequence[str]) -> float:
    """The balanced accuracy of a predictions table."""
    return float(balanced_accuracy(tally(table, labels).total().confusion))


def _members(together: Together) -> list[Model]:
    test = together.parts["test"]
    return [
        Model(
            member.name,
            "member",
            float(np.mean([run.metrics["val"]["balanced_accuracy"] for run in member.runs])),
            test.of_member(index),
        )
        for index, member in enumerate(together.members)
    ]


def _average(together: Together) -> Model:
    val, test = together.parts.get("val"), together.parts["test"].averaged()
    on_val = None if val is None else score(val.averaged(), together.labels)
    return Model("average", "average", on_val, test)


def _row(model: Model, labels: Sequence[str], best: bool, minus: Difference | None) -> Row:
    return Row(
        name=model.name,
        kind=model.kind,
        best_on_val=best,
        val=model.val,
        test=score(model.test, labels),
        test_interval=table_intervals(model.test, labels)["scores"].get("balanced_accuracy"),
        stack_minus_it=minus,
    )
