"""Runs that were never made: their files with numbers that all differ, and what a reader of the page gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from ser_lightning.evaluation import report
from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.examples import Example
from ser_lightning.evaluation.predictions import write_predictions
from ser_lightning.evaluation.scores import NAMES

SOFT = ("cross_entropy", "js_divergence")
KINDS = {name: key for key, name in NAMES.items() if key not in SOFT}
NASTY = "table/sp&1/<b>\"quoted\"</b> 'clip'"


class Page(HTMLParser):
    """What a reader of the page gets: tables by name, texts by tag and class, and every address in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: list[tuple[str, str]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._region = ""
        self._open = ""
        self._cell = False
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append((tag, values))
        self._open = f"{tag}.{values['class']}" if values.get("class") else tag
        if values.get("role") == "region":
            self._region = values["aria-label"]
            self.tables[self._region] = []
        if tag == "tr":
            self.tables[self._region].append([])
        if tag in ("td", "th"):
            self.tables[self._region][-1].append("")
            self._cell = True
        if tag == "span" and self._cell:
            self.tables[self._region][-1][-1] += " "

    def handle_endtag(self, tag: str) -> None:
        self._open = ""
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.tables[self._region][-1][-1] += data
        self.texts.append((self._open, " ".join(data.split())))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [values for name, values in self.tags if name == tag]

    def text(self, opened: str) -> list[str]:
        return [text for name, text in self.texts if name == opened and text]

    def words(self) -> str:
        return " ".join(text for name, text in self.texts if name != "style")


def scores(counts: dict[str, int], seed: int) -> dict[str, Any]:
    """One part of metrics.json with numbers that all differ, None where a class has no clips."""
    random = np.random.default_rng(seed)
    keys = ("precision", "recall", "f1", "auroc")
    per_class: dict[str, dict[str, Any]] = {
        label: dict(zip(keys, random.random(4).tolist(), strict=True)) | {"support": count}
        for label, count in counts.items()
    }
    for row in per_class.values():
        row.update({} if row["support"] else {"recall": None, "auroc": None})
    part = dict(zip(KINDS.values(), random.random(len(KINDS)).tolist(), strict=True))
    part["auroc"] = part["auroc"] if sum(map(bool, counts.values())) > 1 else None
    confusion = [random.multinomial(count, [1 / len(counts)] * len(counts)).tolist() for count in counts.values()]
    return part | {"clips": sum(counts.values()), "confusion": confusion, "per_class": per_class}


def predictions(num_clips: int, labels: list[str], present: list[str], seed: int) -> pl.DataFrame:
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(len(labels)), num_clips)
    columns = {
        "clip": [f"table/{seed}/{index}" for index in range(num_clips)],
        **{name: [name] * num_clips for name in ("corpus", "sex", "text", "intensity")},
        "duration": [1.0] * num_clips,
        "speaker": [f"{index:02}" for index in range(num_clips - 1)] + ["YAF"],
        "label": [present[index % len(present)] for index in range(num_clips)],
        "prediction": np.array(labels)[probabilities.argmax(axis=1)],
    }
    return pl.DataFrame(columns | {f"p_{label}": probabilities[:, i] for i, label in enumerate(labels)})


LOG = """epoch,train_loss,train_balanced_accuracy,val_loss,val_accuracy,val_balanced_accuracy,val_recall_sad,lr
1,1.9,0.2,1.8,0.2,0.31,,0.001
2,1.2,0.5,1.1,0.4,0.62,0.5,0.0005
3,0.9,0.6,1.2,0.4,0.58,,0.0001
"""


def protocol_of(labels: list[str], sizes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The protocol of a made-up run of those parts."""
    return {
        "sentence": "TABLE (3 speakers), speakers shared: random split.",
        "corpora": ["table"],
        "label_set": "paper7",
        "labels": labels,
        "merged": {"neutral -> calm": 417},
        "dropped": {"boredom": 81},
        "split": "random",
        "split_seed": 23,
        "split_fold": None,
        "split_folds": None,
        "parts": {part: {"clips": 0, "speakers": 0, "corpora": ["table"]} for part in ("train", "val", "test")} | sizes,
        "shared_speakers": {"train_val": 3, "train_test": 3, "val_test": 3},
        "shared_audio": {"train_val": 0, "train_test": 0, "val_test": 0},
        "speaker_disjoint": False,
        "speakers_known": True,
        "notes": ["Two clips of YAF & OAF are <odd>."],
    }


def make_run(
    folder: Path,
    *,
    labels: list[str],
    clips: dict[str, int],
    present: list[str] | None = None,
    log: str = LOG,
    **protocol: Any,
) -> dict[str, Any]:
    """A finished run's files; returns its metrics.json."""
    (folder / "predictions").mkdir(parents=True)
    metrics: dict[str, Any] = {"labels": labels}
    for seed, (part, num_clips) in enumerate(clips.items()):
        table = predictions(num_clips, labels, present or labels, seed)
        table.write_csv(folder / "predictions" / f"{part}.csv")
        metrics[part] = scores({label: table["label"].to_list().count(label) for label in labels}, seed)
    sizes = {part: {"clips": num_clips, "speakers": 3, "corpora": ["table"]} for part, num_clips in clips.items()}
    metrics["protocol"] = protocol_of(labels, sizes) | protocol
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (folder / "log.csv").write_text(log, encoding="utf-8")
    config = "name: my <run>\nseed: 7\nmodel:\n  backbone: resnet18\ntrainer:\n  max_epochs: 3\n"
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    return metrics


def around(random: np.random.Generator, keys: Iterable[str]) -> dict[str, list[float]]:
    """An interval of each score, of numbers that all differ."""
    return {key: np.sort(random.random(2)).tolist() for key in keys}


GROUPS = {"sex": ["female", "male"], "intensity": ["<low>", "high", "unknown"], "speaker": ["01", "02", "Y&F"]}


def group_scores(grouping: str, seed: int) -> dict[str, Any]:
    """The scores by one grouping as in metrics.json; speakers have neither intervals nor gaps."""
    random, names = np.random.default_rng(seed), GROUPS[grouping]
    alone = grouping == "speaker"
    values = {
        name: {
            "clips": 5 + index,
            "speakers": 1 if alone else 11 + index,
            "scores": dict(zip(KINDS.values(), random.random(len(KINDS)).tolist(), strict=True)) | dict.fromkeys(SOFT),
            "intervals": {} if alone else around(random, KINDS.values()),
        }
        for index, name in enumerate(names)
    }
    gaps = {
        key: {"high": names[0], "low": names[1], "gap": random.random(), "interval": np.sort(random.random(2)).tolist()}
        for key in list(KINDS.values())[:-1]
    }
    gaps["accuracy"]["interval"] = None
    return {"values": values, "gaps": {} if alone else gaps, "reason": "" if alone else f"{grouping} <has> few"}


def abstention_scores(random: np.random.Generator) -> dict[str, Any]:
    """What thresholds leave, of numbers that all differ; nothing reaches the last."""
    drawn = np.sort(random.random(7)).tolist()
    rows = [
        {"threshold": 0.5, "coverage": drawn[6], "risk": drawn[4], "answered": 31},
        {"threshold": 0.75, "coverage": 0.5, "risk": drawn[3], "answered": 17},
        {"threshold": 0.875, "coverage": 0.21, "risk": drawn[2], "answered": 7},
        {"threshold": 0.9, "coverage": 0.0, "risk": None, "answered": 0},
    ]
    return {"risk": drawn[5], "aurc": drawn[1], "excess_aurc": drawn[0], "thresholds": rows}


def complete(folder: Path) -> dict[str, Any]:
    """The metrics.json of a run with intervals, groups and calibration added; written anew and returned."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    random = np.random.default_rng(9)
    for part in ("val", "test"):
        scores_of_part = around(random, KINDS.values())
        metrics[part]["intervals"] = {
            "level": 0.95,
            "method": "bootstrap",
            "speakers": 24,
            "reason": "",
            "scores": scores_of_part,
        }
    metrics["test"]["groups"] = {grouping: group_scores(grouping, seed) for seed, grouping in enumerate(GROUPS)}
    keys = ("ece", "log_loss", "brier")
    before = {"scores": dict(zip(keys, random.random(3).tolist(), strict=True)), "intervals": around(random, keys)}
    metrics["calibration"] = {"temperature": 1.7, "fitted_on": "val", "before": {"test": before}}
    metrics["test"]["abstention"] = abstention_scores(random)
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return metrics


def example(clip: str, label: str, prediction: str, *, seconds: float = 0.3) -> Example:
    random = np.random.default_rng(len(clip))
    wave = random.integers(-32768, 32768, int(seconds * 16000), dtype=np.int16)
    log_mel = random.normal(size=(16, 30)).astype(np.float32)
    kinds = ("right",) if label == prediction else ("worst", "confident")
    said = {"label_probability": 0.0625, "kinds": kinds}
    shown = {"evidence": np.eye(16, 30, dtype=np.float32), "evidence_note": "of <one> window"}
    return Example(clip, label, prediction, 0.875, wave, 16000, log_mel, **said, **shown)


LABELS = ["angry", "happy", "sad", "calm"]
EXAMPLES = [example(NASTY, "sad", "happy"), example("table/1/7", "calm", "calm")]


@pytest.fixture(scope="session")
def read_page() -> type[Page]:
    return Page


@pytest.fixture(scope="session", name="make_run")
def make_run_() -> Callable[..., dict[str, Any]]:
    """`make_run(folder, labels=..., clips={"test": 8}, **of_the_protocol)` writes the files; gives metrics.json."""
    return make_run


@pytest.fixture(scope="session", name="example")
def example_() -> Callable[..., Example]:
    """`example(clip, label, prediction, seconds=0.3)`: noise with evidence on a diagonal."""
    return example


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> tuple[Page, dict[str, Any], Path]:
    """The page, metrics.json and folder of a run that has everything: intervals, groups, calibration, examples."""
    run = tmp_path_factory.mktemp("finished") / "run"
    make_run(run, labels=LABELS, clips={"train": 130, "val": 20, "test": 33})
    metrics = complete(run)
    path = report.write_report(run, examples=EXAMPLES)
    assert path == run / "report" / "index.html"
    return Page(path), metrics, run


@pytest.fixture(scope="session")
def finished_examples() -> Sequence[Example]:
    """The examples of `finished`."""
    return EXAMPLES


@pytest.fixture(scope="session")
def assessed_run() -> Callable[..., dict[str, Any]]:
    """`assessed_run(folder, labels, {"test": table}, **of_the_protocol)`: a run that was scored."""

    def make(folder: Path, labels: Sequence[str], tables: dict[str, pl.DataFrame], **said: Any) -> dict[str, Any]:
        sizes = {
            part: {"clips": len(table), "speakers": table["speaker"].n_unique(), "corpora": ["made"]}
            for part, table in tables.items()
        }
        protocol = protocol_of(list(labels), sizes) | said
        metrics = assess(tables, labels, protocol=protocol, temperature=1.5)
        for part, table in tables.items():
            write_predictions(folder / "predictions" / f"{part}.csv", table)
        (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
        (folder / "config.yaml").write_text(yaml.safe_dump({"name": folder.name}), encoding="utf-8")
        return metrics

    return make
