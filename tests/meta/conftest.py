"""Finished runs made of numbers: each member knows one thing of four emotions, and both together know all."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.predictions import write_predictions

LABELS = ("angry", "happy", "neutral", "sad")
SEES = {
    # Is it loud? Then it is angry or happy.
    "loud": np.array([[4, 4, 0, 0], [4, 4, 0, 0], [0, 0, 4, 4], [0, 0, 4, 4]]),
    # Is it pleasant? Named the wrong way round, which no average can mend.
    "pleasant": np.array([[0, 4, 0, 4], [4, 0, 4, 0], [0, 4, 0, 4], [4, 0, 4, 0]]),
    "nothing": np.zeros((4, 4), dtype=int),
}
"""The logits [truth class] of a member, to which noise is added."""


def clips(speakers, *, each=2, text="t"):
    """The manifest of `each` clips a class of each speaker, of as many texts."""
    rows = [
        {"clip": f"toy/{speaker}/{label}{take}", "speaker": speaker, "text": f"{text}{take}", "label": label}
        for speaker in speakers
        for label in LABELS
        for take in range(each)
    ]
    return pl.DataFrame(rows).select(
        "clip",
        pl.lit("toy").alias("corpus"),
        "speaker",
        pl.lit("").alias("sex"),
        "text",
        pl.lit("").alias("intensity"),
        pl.lit(1.0).alias("duration"),
        "label",
    )


def predicted(table, sees, seed, labels=LABELS):
    """The predictions table of a member."""
    truth = [LABELS.index(label) for label in table["label"]]
    logits = SEES[sees][truth] + np.random.default_rng(seed).normal(size=(len(table), 4))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p = p[:, [LABELS.index(label) for label in labels]].astype(np.float32)
    guesses = [labels[index] for index in p.argmax(axis=1)]
    columns = [pl.Series(f"p_{label}", p[:, index]) for index, label in enumerate(labels)]
    return table.with_columns(pl.Series("prediction", guesses), *columns)


def protocol(tables, *, labels=LABELS, fold=None, folds=None, notes=()):
    size = {
        part: {"clips": len(table), "speakers": table["speaker"].n_unique(), "corpora": ["toy"]}
        for part, table in tables.items()
    }
    none = {"train_val": 0, "train_test": 0, "val_test": 0}
    return {
        "sentence": "toy, label set native (4 classes)",
        "corpora": ["toy"],
        "label_sources": {"toy": "acted"},
        "label_set": "native",
        "labels": list(labels),
        "merged": {},
        "dropped": {},
        "split": "kfold" if folds else "speaker",
        "split_seed": 0,
        "split_fold": fold,
        "split_folds": folds,
        "split_details": "",
        "parts": size,
        "absent": {part: [] for part in tables},
        "shared_speakers": none,
        "shared_audio": none,
        "speaker_disjoint": True,
        "speakers_known": True,
        "notes": list(notes),
    }


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """Write a finished run with an empty checkpoint: `make_run(folder, "loud", parts={"test": clips(["a"])})`."""

    def make(path, sees, *, parts, seed=0, fold=None, folds=None, labels=LABELS, rate=16000, **settings):
        tables = {part: predicted(table, sees, [seed, n], labels) for n, (part, table) in enumerate(parts.items())}
        told = protocol(parts, labels=labels, fold=fold, folds=folds, notes=["a note of the members"])
        config = {
            "name": sees,
            "seed": 0,
            "label_set": "native",
            "sample_rate": rate,
            "data_dir": "data",
            "cache_dir": "data/cache",
            "on_bad_audio": "error",
            "leaks": "error",
            "corpus": {"_target_": "toy", "root": str(path)},
            "split": {"_target_": "kfold", "seed": 0, "folds": folds, "fold": fold},
            **settings,
        }
        path.mkdir(parents=True)
        (path / "checkpoints").mkdir()
        (path / "checkpoints" / "best.ckpt").touch()
        (path / "config.yaml").write_text(yaml.safe_dump(config))
        (path / "metrics.json").write_text(json.dumps(assess(tables, labels, protocol=told, temperature=1.0)))
        for part, table in tables.items():
            write_predictions(path / "predictions" / f"{part}.csv", table)
        listed = [
            table.select("clip", "corpus", "speaker", part=pl.lit(part), emotion="label")
            for part, table in parts.items()
        ]
        pl.concat(listed).select("clip", "part", "corpus", "speaker", "emotion").write_csv(path / "split.csv")
        return path

    return make


def people(first, last):
    return [f"s{number:02d}" for number in range(first, last)]


@pytest.fixture(scope="session")
def single_parts():
    """Train, val and test of 2, 4 and 12 speakers."""
    return {"train": clips(people(0, 2)), "val": clips(people(2, 6), each=4), "test": clips(people(6, 18))}


@pytest.fixture(scope="session")
def singles(make_run, single_parts, tmp_path_factory) -> tuple[Path, Path]:
    """Two runs of the same clips, which no test may change."""
    folder = tmp_path_factory.mktemp("singles")
    return tuple(
        make_run(folder / sees, sees, parts=single_parts, seed=seed) for seed, sees in enumerate(("loud", "pleasant"))
    )


@pytest.fixture(scope="session")
def multiruns(make_run, tmp_path_factory) -> tuple[Path, Path]:
    """Two multiruns over three folds of four speakers each, which no test may change."""
    folder = tmp_path_factory.mktemp("multiruns")
    of_fold = [clips(people(4 * k, 4 * k + 4)) for k in range(3)]
    for seed, sees in enumerate(("loud", "pleasant")):
        for k in range(3):
            parts = {"train": of_fold[(k + 2) % 3], "val": of_fold[(k + 1) % 3], "test": of_fold[k]}
            make_run(folder / sees / str(k), sees, parts=parts, seed=10 * seed + k, fold=k + 1, folds=3)
    return folder / "loud", folder / "pleasant"
