"""The predictions table: a row a clip, what is known of it, its label, and the probability of every class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from ser_lightning.errors import UserError
from ser_lightning.files import atomic_path, read_table

ABOUT = ("clip", "corpus", "speaker", "sex", "text", "intensity")
ADVICE = "train or evaluate the run again, or name another"


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


def read_predictions(path: Path, labels: Sequence[str] = ()) -> pl.DataFrame:
    """Read a predictions CSV: text as text, probabilities as the float32 that they were.

    Raises UserError where it cannot be read, lacks a column, or where a label, a probability or a duration is none;
    `labels` are the classes that the table must be of, by default those that it has.
    """
    try:
        table = read_table(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path} cannot be read ({str(error).splitlines()[0]}); {ADVICE}") from error
    classes = tuple(labels) or tuple(name.removeprefix("p_") for name in table.columns if name.startswith("p_"))
    needed = (*ABOUT, "duration", "label", "prediction", *(f"p_{label}" for label in classes))
    if missing := [name for name in needed if name not in table.columns]:
        raise UserError(f"{path} has no column {', '.join(missing)}; {ADVICE}")
    typed = _typed(table)
    if problems := list(_problems(typed, classes)):
        raise UserError(f"{path}: {'; '.join(problems)}; {ADVICE}")
    return typed


def _typed(table: pl.DataFrame) -> pl.DataFrame:
    """Text and numbers; null where something is no number."""
    shares = [name for name in table.columns if name.startswith(("p_", "q_"))]
    return table.with_columns(
        pl.col(shares).cast(pl.Float32, strict=False),
        pl.col("duration").cast(pl.Float64, strict=False),
        pl.exclude("duration", *shares).fill_null(""),
    )


def _problems(table: pl.DataFrame, labels: Sequence[str]) -> Iterator[str]:
    """What keeps the values from being scored, one problem a column."""
    for name in ("label", "prediction"):
        others = table.filter(~pl.col(name).is_in(labels))[name]
        if len(others):
            yield f"{name} {others[0]!r} is none of {', '.join(labels)}"
    for name in table.columns:
        if name.startswith(("p_", "q_")) and not table[name].is_between(0, 1).fill_null(value=False).all():
            yield f"{name} must be from 0 to 1 in every row"
    if not (table["duration"].is_finite() & (table["duration"] >= 0)).fill_null(value=False).all():
        yield "duration must be seconds in every row"
