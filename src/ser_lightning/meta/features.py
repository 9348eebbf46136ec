"""What the meta-learner sees: the logarithms of the members' probabilities, side by side.

In logarithms an average of members is a sum, and "ten times as likely" is the same step everywhere; a forest does not
mind, a logistic regression needs it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float, Float32, Int64

LEAST = 1e-6
"""A probability counts as no less: the logarithm of 0 would be infinite."""


def member_probabilities(
    tables: Sequence[pl.DataFrame], labels: Sequence[str]
) -> Float[np.ndarray, "member clip class"]:
    """The probabilities of the members' predictions tables of the same clips, in the order of the first one's rows."""
    order = tables[0].select("clip")
    names = [f"p_{label}" for label in labels]
    return np.stack(
        [
            order.join(table.select("clip", *names), on="clip", how="left", maintain_order="left")
            .select(names)
            .to_numpy()
            .astype(np.float64)
            for table in tables
        ]
    )


def features(probabilities: Float[np.ndarray, "member clip class"]) -> Float[np.ndarray, "clip feature"]:
    """The logarithms, member after member: feature = member * num_classes + class.

    >>> features(np.array([[[1.0, 0.0]], [[0.5, 0.5]]])).round(3).tolist()
    [[0.0, -13.816, -0.693, -0.693]]
    """
    logs = np.log(np.clip(probabilities, LEAST, None))
    made: Float[np.ndarray, "clip feature"] = np.concatenate(list(logs), axis=1)
    return made


def targets(table: pl.DataFrame, labels: Sequence[str]) -> Int64[np.ndarray, " clip"]:
    """The index of each row's label.

    >>> targets(pl.DataFrame({"label": ["sad", "happy"]}), ["happy", "sad"]).tolist()
    [1, 0]
    """
    number = {label: index for index, label in enumerate(labels)}
    return np.array([number[label] for label in table["label"]], dtype=np.int64)


def with_probabilities(
    table: pl.DataFrame, probabilities: Float[np.ndarray, "clip class"], labels: Sequence[str]
) -> pl.DataFrame:
    """The predictions table with these probabilities, as float32, and what they predict."""
    p: Float32[np.ndarray, "clip class"] = probabilities.astype(np.float32)
    guesses = [labels[index] for index in p.argmax(axis=1).tolist()]
    columns = [pl.Series(f"p_{label}", p[:, index]) for index, label in enumerate(labels)]
    return table.with_columns(pl.Series("prediction", guesses, dtype=pl.String), *columns)
