"""The clips that a report plays: chosen by their predictions, cut from the store, with the log-mel a model sees."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from jaxtyping import Int16

from ser_lightning.data.store import TAIL_SECONDS, Store
from ser_lightning.evaluation.examples import Example, choose_examples
from ser_lightning.frontend.frontend import Frontend, to_float
from ser_lightning.models.network import EmotionNetwork


def build_examples(
    predictions: pl.DataFrame, table: pl.DataFrame, store: Store, frontend: Frontend, network: EmotionNetwork
) -> list[Example]:
    """A few right and wrong clips of `predictions` with their audio and log-mel; `table` says where each lies."""
    places = {clip: (first, length) for clip, first, length in table.select("clip", "offset", "length").iter_rows()}
    said = {row["clip"]: row for row in predictions.iter_rows(named=True)}
    frontend = frontend.cpu()
    examples = []
    for clip in choose_examples(predictions):
        wave = _heard(store, *places[clip])
        padded = np.pad(wave, (0, max(0, frontend.mel.n_fft - len(wave))))  # a transform needs half its length
        log_mel = frontend.decibels(to_float(torch.from_numpy(padded)[None]))[0].numpy()
        label, guess = said[clip]["label"], said[clip]["prediction"]
        examples.append(Example(clip, label, guess, said[clip][f"p_{guess}"], wave, store.rate, log_mel))
    return examples


def _heard(store: Store, first: int, length: int) -> Int16[np.ndarray, " time"]:
    return np.array(store.samples[first : first + min(length, TAIL_SECONDS * store.rate)])
