"""Predicting with a stack: every member is asked for its probabilities, and the meta-learner makes one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from jaxtyping import Float32

from ser_lightning.data.store import Store
from ser_lightning.errors import UserError
from ser_lightning.meta.features import features
from ser_lightning.meta.learners import class_probabilities
from ser_lightning.meta.stack_file import MODEL_FILE, Kind, Stack, read_stack
from ser_lightning.meta.storage import read_model

Predict = Callable[[Path, pl.DataFrame, Store], npt.NDArray[np.float32]]
"""The calibrated probabilities [clip class] of one run, of the rows of a table in their order."""
KindOf = Callable[[Path], Kind]
"""The classes and the rate of one run's model, read without predicting."""


def predict_stack(
    run_dir: Path, table: pl.DataFrame, store: Store, *, predict: Predict, kind_of: KindOf
) -> Float32[np.ndarray, "clip class"]:
    """The probabilities of each row of `table` by the stack in `run_dir`; of members over folds the folds' mean counts.

    Raises UserError where a member or the meta-learner is missing or is not what stack.json says, before any is asked.
    """
    stack = read_stack(run_dir)
    _check_members(stack, kind_of)
    num_classes = len(stack.labels)
    model = read_model(run_dir / MODEL_FILE, num_features=num_classes * len(stack.members), num_classes=num_classes)
    of_members = [
        np.mean([predict(run, table, store) for run in runs], axis=0, dtype=np.float64) for runs in stack.members
    ]
    made: Float32[np.ndarray, "clip class"] = class_probabilities(
        model, features(np.stack(of_members)), num_classes
    ).astype(np.float32)
    return made


def _check_members(stack: Stack, kind_of: KindOf) -> None:
    """Raise UserError with every run that is not of the stack's classes in their order, or not of its rate."""
    found = {run: kind_of(run) for runs in stack.members for run in runs}
    problems = [
        f"{run} is no longer the member that was stacked: it has {_said(kind)}, the stack {_said(stack.kind)}; stack "
        "again"
        for run, kind in found.items()
        if kind != stack.kind
    ]
    if problems:
        raise UserError(problems)


def _said(kind: Kind) -> str:
    return f"the classes {', '.join(kind.labels)} at {kind.sample_rate} Hz"
