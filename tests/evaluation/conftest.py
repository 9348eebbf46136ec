"""Predictions tables to score: random ones, and such as are written out by hand."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest

from ser_lightning.evaluation.predictions import predictions_table


@pytest.fixture(scope="session")
def table_of() -> Callable[..., pl.DataFrame]:
    """The predictions table of `table_of(probabilities, truth, labels, soft=None, speaker=[...], ...)`."""

    def make(probabilities, truth: Sequence[int], labels: Sequence[str], soft=None, **about) -> pl.DataFrame:
        number = len(truth)
        known = {"clip": "", "corpus": "made", "speaker": "ann", "sex": "", "text": "", "intensity": "", "seconds": 1.0}
        clips = {name: about.get(name, [value] * number) for name, value in known.items()}
        clips["label"] = [labels[index] for index in truth]
        return predictions_table(pl.DataFrame(clips), np.asarray(probabilities), labels, soft)

    return make


@pytest.fixture(scope="session")
def random_table(table_of) -> Callable[..., pl.DataFrame]:
    """`random_table(labels, clips, speakers, seed=0, decimals=None, soft=False)`: some skill, of the speaker's own.

    Speakers are s00, s01, ... in turn; probabilities are rounded, and so tied, where `decimals` are given.
    """

    def make(labels: Sequence[str], clips: int, speakers: int, *, seed=0, decimals=None, soft=False, **about):
        rng = np.random.default_rng(seed)
        truth, speaker = rng.integers(0, len(labels), clips), np.arange(clips) % speakers
        skill = rng.normal(1.0, 0.7, speakers)[speaker]
        p = np.exp(rng.normal(size=(clips, len(labels))) + skill[:, None] * np.eye(len(labels))[truth])
        p /= p.sum(axis=1, keepdims=True)
        votes = rng.dirichlet(np.ones(len(labels)), clips).astype(np.float32) if soft else None
        about = {"clip": [f"c{row}" for row in range(clips)], "speaker": [f"s{row:02}" for row in speaker]} | about
        return table_of(p if decimals is None else p.round(decimals), truth.tolist(), labels, votes, **about)

    return make
