"""Predictions tables to score, random ones and such as are written out by hand; and finished runs of a toy corpus."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest
import yaml

from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.comparison import compare
from ser_lightning.evaluation.comparison_runs import read_configurations
from ser_lightning.evaluation.predictions import predictions_table, read_predictions, write_predictions

LABELS = ("angry", "sad")
CONFIG = {
    "name": "toy",
    "seed": 0,
    "data_dir": "data",
    "data": {"seed": 0, "batch_size": 8},
    "corpus": {"_target_": "corpora.Toy", "root": "here"},
    "split": {"seed": 0, "fold": 1},
    "model": {"backbone": "a"},
    "optimizer": {"lr": 0.001},
    "trainer": {"devices": 1, "max_epochs": 2},
    "logger": {},
}


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


class Toy:
    """Finished runs of two classes, angry and sad, written by hand."""

    @staticmethod
    def protocol(fold=None, folds=None, *, split="speaker", known=False, **changes):
        place = f"fold {fold} of {folds}" if fold else "seed 0"
        return {
            "sentence": f"toy, split {split} ({place})",
            "corpora": ["toy"],
            "label_sources": {"toy": "acted"},
            "label_set": "native",
            "labels": list(LABELS),
            "merged": {},
            "dropped": {},
            "split": split,
            "split_seed": 0,
            "split_fold": fold,
            "split_folds": folds,
            "split_details": "",
            "parts": {part: {"clips": 8, "speakers": 2, "corpora": ["toy"]} for part in ("train", "val", "test")},
            "absent": {"train": [], "val": [], "test": []},
            "shared_speakers": {"train_val": 0, "train_test": int(known), "val_test": 0},
            "shared_audio": {"train_val": 0, "train_test": 0, "val_test": 0},
            "speaker_disjoint": not known,
            "speakers_known": True,
            "notes": [],
        } | changes

    @staticmethod
    def clips_of(speakers, takes=2):
        """Angry clips, then sad ones, `takes` of each, speaker by speaker."""
        rows = [(speaker, label, take) for speaker in speakers for label in LABELS for take in range(takes)]
        return pl.DataFrame(
            {
                "clip": [f"toy/{speaker}/{label}{take}" for speaker, label, take in rows],
                "corpus": "toy",
                "speaker": [speaker for speaker, _, _ in rows],
                **dict.fromkeys(("sex", "text", "intensity"), ""),
                "seconds": 1.0,
                "label": [label for _, label, _ in rows],
            }
        )

    @staticmethod
    def write_run(folder, clips, right, *, about, config=None):
        """A finished run on `clips`, of which those are right that `right` says."""
        own = np.array([[label == other for other in LABELS] for label in clips["label"]])
        p = np.where(own == np.array(right)[:, None], 0.8, 0.2)
        table = predictions_table(clips, p, LABELS)
        write_predictions(folder / "predictions" / "test.csv", table)
        stored = assess(
            {"test": read_predictions(folder / "predictions" / "test.csv")}, LABELS, protocol=about, temperature=1.0
        )
        (folder / "metrics.json").write_text(json.dumps(stored))
        merged = CONFIG | {
            key: CONFIG[key] | value if isinstance(value, dict) else value for key, value in (config or {}).items()
        }
        (folder / "config.yaml").write_text(yaml.safe_dump(merged))
        return folder

    @staticmethod
    def compared(folder):
        return compare(read_configurations([str(folder)]))

    @staticmethod
    def voices(count, start=0):
        return [f"v{number:02}" for number in range(start, start + count)]

    @staticmethod
    def some_right(clips, share, seed=0):
        return np.random.default_rng(seed).random(len(clips)) < share


@pytest.fixture(scope="session")
def toy() -> type[Toy]:
    """How to write the runs of a toy corpus, and compare them."""
    return Toy


@pytest.fixture
def folds(toy, tmp_path):
    """Three folds of four speakers, two seeds: right are 3, 2, 1 of every 4 clips, and one more of the second seed."""
    for seed in (0, 1):
        for fold in (1, 2, 3):
            clips = toy.clips_of(toy.voices(4, 4 * fold))
            right = [take < 4 - fold for _ in toy.voices(4) for take in (0, 2, 1, 3)]
            right[3] = right[3] or bool(seed)
            config = {"seed": seed, "data": {"seed": seed}, "split": {"fold": fold}}
            toy.write_run(
                tmp_path / f"{seed}{fold}", clips, right, about=toy.protocol(fold, 3, split="kfold"), config=config
            )
    return tmp_path
