"""The predictions table: a row a clip, what is known of it, its label, and the probability of every class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from ser_lightning.files import atomic_path

ABOUT = ("clip", "corpus", "speaker", "sex", "text", "intensity")


def predictions_table(
    clips: pl.DataFrame,
    probabilities: npt.NDArray[np.floating],
    labels: Sequence[str],
    soft: npt.NDArray[np.float32] | None = None,
) -> pl.DataFrame:
    """One row for each of `clips` (columns as in the manifest, plus seconds and label) and its probabilities.

    `soft` [clip class] are the shares of the listeners' votes, where labels are soft.
    """
    guesses = [labels[index] for index in probabilities.argmax(axis=1).tolist()]
    return clips.select(*ABOUT, duration="seconds", label="label").with_columns(
        pl.Series("prediction", guesses, dtype=pl.String),
        *_columns("p", probabilities, labels),
        *(_columns("q", soft, labels) if soft is not None else ()),
    )


def _columns(letter: str, values: npt.NDArray[np.floating], labels: Sequence[str]) -> list[pl.Series]:
    return [pl.Series(f"{letter}_{label}", values[:, index].astype(np.float32)) for index, label in enumerate(labels)]


def write_predictions(path: Path, table: pl.DataFrame) -> None:
    """Write as CSV, the probabilities with all the digits that float32 needs."""
    with atomic_path(path) as temporary:
        table.write_csv(temporary)


def read_predictions(path: Path) -> pl.DataFrame:
    """Read a predictions CSV: text as text, probabilities as the float32 that they were."""
    table = pl.read_csv(path, infer_schema=False)
    shares = [name for name in table.columns if name.startswith(("p_", "q_"))]
    return table.with_columns(
        pl.col(shares).cast(pl.Float32),
        pl.col("duration").cast(pl.Float64),
        pl.exclude("duration", *shares).fill_null(""),
    )
