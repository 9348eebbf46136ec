"""Clips of a run's own test part, decoded from their files, for whoever wants to hear what the run was tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float64, Int16

from ser_lightning.data.audio import BadAudioError, read_clip
from ser_lightning.data.manifest import to_table
from ser_lightning.errors import UserError
from ser_lightning.evaluation.runs import FinishedRun
from ser_lightning.run_corpus import own_corpus

MOST_SECONDS = 60.0
"""Longer clips are passed over: an exported model takes all windows of a clip at once."""


@dataclass(frozen=True)
class HeardClips:
    """Clips at the model's rate, with the place of their true class, and what the run predicted of them."""

    sounds: list[Int16[np.ndarray, " time"]]
    truth: list[int]
    predicted: Float64[np.ndarray, "clip class"]


def hear_test_part(run: FinishedRun, config: Mapping[str, Any], *, most: int, rate: int) -> HeardClips:
    """At most `most` clips of predictions/test.csv, drawn from a fixed seed.

    Files that cannot be read are passed over.

    Raises UserError where the corpus is not at hand, or none of the clips.
    """
    table = run.predictions("test")
    _, corpus = own_corpus(run, config)
    places = to_table(corpus.scan().clips).select("clip", "path", "start", "end")
    there = table.filter(pl.col("duration") <= MOST_SECONDS).join(places, on="clip", how="inner", maintain_order="left")
    # Drawn, as the names of many corpora count through their emotions: every third clip may miss some.
    drawn = np.random.default_rng(0).permutation(len(there))[:most]
    chosen = there[np.sort(drawn)]
    sounds, kept = [], []
    for row, (path, start, end) in enumerate(chosen.select("path", "start", "end").iter_rows()):
        try:
            sounds.append(read_clip(Path(path), rate, start=start, end=end).samples)
        except BadAudioError:
            continue
        kept.append(row)
    if not sounds:
        raise UserError(f"none of the {len(table)} test clips can be read, or none is as short as {MOST_SECONDS:g} s")
    heard = chosen[kept]
    probabilities = heard.select(pl.col(f"p_{label}").cast(pl.Float64) for label in run.labels)
    return HeardClips(sounds, [run.labels.index(label) for label in heard["label"]], probabilities.to_numpy())
