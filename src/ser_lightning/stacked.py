"""Predicting with a stack: every member is asked for its probabilities, and the meta-learner makes one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from jaxtyping import Float32

from ser_lightning.data.store import Store
from ser_lightning.meta.features import features
from ser_lightning.meta.learners import class_probabilities
from ser_lightning.meta.stack_file import MODEL_FILE, read_stack
from ser_lightning.meta.storage import read_model

Predict = Callable[[Path, pl.DataFrame, Store], npt.NDArray[np.float32]]
"""The calibrated probabilities [clip class] of one run, of the rows of a table in their order."""


def predict_stack(
    run_dir: Path, table: pl.DataFrame, store: Store, *, predict: Predict
) -> Float32[np.ndarray, "clip class"]:
    """The probabilities of each row of `table` by the stack in `run_dir`; of members over folds the folds' mean counts.

    Raises UserError where a member or the meta-learner is missing or is not what stack.json says.
    """
    stack = read_stack(run_dir)
    num_classes = len(stack.labels)
    model = read_model(run_dir / MODEL_FILE, num_features=num_classes * len(stack.members), num_classes=num_classes)
    of_members = [
        np.mean([predict(run, table, store) for run in runs], axis=0, dtype=np.float64) for runs in stack.members
    ]
    made: Float32[np.ndarray, "clip class"] = class_probabilities(
        model, features(np.stack(of_members)), num_classes
    ).astype(np.float32)
    return made
