"""A store of noise and a run that trains on it: for benchmarks whose sounds do not matter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ser_lightning.build import RunData
from ser_lightning.data.clips import Clips
from ser_lightning.data.leaks import Leaks, shared
from ser_lightning.data.parts import PAIRS
from ser_lightning.data.protocol import absent_classes, protocol
from ser_lightning.data.samples import map_samples, shard_length, shard_path
from ser_lightning.data.splits.random import Random
from ser_lightning.data.store import TAIL_SECONDS, Store
from ser_lightning.emotions import label_set
from training import Training, training

RATE = 16000
SECONDS = 3
EMOTIONS = ("angry", "calm", "disgust", "fear", "happy", "neutral", "sad", "surprise")


def made_up_store(folder: Path, num_clips: int) -> Store:
    """One shard of noise: clips of three seconds, one behind the other."""
    length = SECONDS * RATE
    whole = shard_length(num_clips * length, TAIL_SECONDS * RATE)
    rng = np.random.default_rng(0)
    with shard_path(folder, 0).open("wb") as file:
        for first in range(0, num_clips, 1000):
            num = min(1000, num_clips - first) * length
            file.write(rng.integers(-3000, 3000, num, dtype=np.int16).data)
        file.write(bytes(2 * (whole - num_clips * length)))
    offset = pl.int_range(num_clips, eager=True) * length
    index = pl.select(offset=offset, length=pl.lit(length, pl.Int64))
    return Store(folder, RATE, map_samples(folder, 1), index, pl.DataFrame())


def made_up_data(folder: Path, num_clips: int) -> RunData:
    """Clips of eight emotions by ten speakers, split at random."""
    store, row = made_up_store(folder, num_clips), pl.int_range(num_clips)
    table = store.index.with_columns(
        clip=pl.format("made_up/{}/{}", row % 10, row),
        corpus=pl.lit("made_up"),
        speaker=pl.format("{}", row % 10),
        text=pl.lit(""),
        intensity=pl.lit(""),
        take=pl.lit(""),
        emotion=pl.lit(pl.Series(EMOTIONS)).gather(row % len(EMOTIONS)),
        hash=pl.format("{}", row),
        recording=pl.format("{}", row),
    )
    table = table.with_columns(label="emotion")
    splitter, labels = Random(), label_set("native", table["emotion"].unique())
    split = splitter.split(table)
    table = table.with_columns(part=split.parts)
    return RunData(
        clips=Clips(table, store, (), (), ()),
        table=table,
        targets=np.eye(len(EMOTIONS), dtype=np.float32)[np.arange(num_clips) % len(EMOTIONS)],
        labels=labels.labels,
        leaks=Leaks("warn", shared(table), [], 0),
        protocol=protocol(
            table,
            emotions=table["emotion"],
            labels=labels,
            splitter=splitter,
            split=split,
            origins=(),
            absent=absent_classes(table, labels),
            shared_audio={f"{a}_{b}": 0 for a, b in PAIRS},
            notes=(),
        ),
    )


def made_up_training(folder: Path, num_clips: int, overrides: Sequence[str]) -> Training:
    """A run with these overrides on so many made-up clips."""
    return training(overrides, data=made_up_data(folder, num_clips))
