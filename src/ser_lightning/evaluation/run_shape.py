"""What metrics.json and config.yaml must hold to be those of a run, and what is wrong with ones that do not.

They may be damaged, of an older version, or of another program. What is there is looked at once, when it is read, so
that the code behind may rely on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any

PARTS = ("train", "val", "test")
SHARED = {"train_val": int, "train_test": int, "val_test": int}
SIZE = {"clips": int, "speakers": int, "corpora": list}

Shape = type | UnionType | Mapping[str, Any]
"""The type of a value, or the shapes of a mapping's values by their keys; other keys may be there too."""

PROTOCOL: Mapping[str, Shape] = {
    "sentence": str,
    "corpora": list,
    "label_sources": dict,
    "label_set": str,
    "labels": list,
    "merged": dict,
    "dropped": dict,
    "split": str,
    "split_seed": int | None,
    "split_fold": int | None,
    "split_folds": int | None,
    "split_details": str,
    "parts": dict.fromkeys(PARTS, SIZE),
    "absent": dict,
    "shared_speakers": SHARED,
    "shared_audio": SHARED,
    "speaker_disjoint": bool,
    "speakers_known": bool,
    "notes": list,
}
LATER: Mapping[str, Any] = {"label_sources": {}, "split_details": "", "absent": {part: [] for part in PARTS}}
"""What the protocols of the first version did not say, and what stands for it."""
CALIBRATION: Mapping[str, Shape] = {"temperature": float | int, "fitted_on": str | None, "before": dict}
CONFIG: Mapping[str, Shape] = {"seed": int | None, "model": dict | None, "trainer": dict | None}
"""Keys of a config that are looked into; each may be missing."""
SCORES: Mapping[str, Shape] = {"clips": int, "balanced_accuracy": float | int | None, "confusion": list}
OF_CLASS: Mapping[str, Shape] = {
    **dict.fromkeys(("precision", "recall", "f1", "auroc"), float | int | None),
    "support": int,
}
ABSTENTION: Mapping[str, Shape] = {
    **dict.fromkeys(("risk", "aurc", "excess_aurc"), float | int),
    "thresholds": list,
}
THRESHOLD: Mapping[str, Shape] = {
    **dict.fromkeys(("threshold", "coverage"), float | int),
    "risk": float | int | None,
    "answered": int,
}


def misfits(value: object, shape: Shape, place: str) -> Iterator[str]:
    """Where `value`, which `place` names, has not the shape.

    >>> list(misfits({"notes": 3}, {"notes": list, "split": str}, "protocol"))
    ['protocol.notes is no list', 'protocol.split is missing']
    """
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            yield f"{place} is no mapping"
            return
        for key, of_key in shape.items():
            there = key in value
            yield from misfits(value[key], of_key, f"{place}.{key}") if there else [f"{place}.{key} is missing"]
    elif not isinstance(value, shape):
        yield f"{place} is no {_named(shape)}"


def metrics_problems(metrics: object) -> list[str]:
    """What keeps `metrics` from being those of a run; the parts of the scores are not looked into."""
    if not isinstance(metrics, Mapping):
        return ["it is no mapping"]
    problems = [f"{key} is missing" for key in ("labels", "protocol") if key not in metrics]
    if "labels" in metrics and not _are_labels(metrics["labels"]):
        problems.append("labels must be a list of two names or more, each once")
    if "protocol" in metrics:
        problems += misfits(with_later(metrics["protocol"]), PROTOCOL, "protocol")
    if metrics.get("calibration") is not None:
        problems += misfits(metrics["calibration"], CALIBRATION, "calibration")
    return problems + [f"{part} is no mapping" for part in PARTS if not isinstance(metrics.get(part) or {}, dict)]


def config_problems(config: object) -> list[str]:
    """What keeps `config` from being that of a run."""
    if not isinstance(config, Mapping):
        return ["it is no mapping"]
    return list(misfits(config, {key: shape for key, shape in CONFIG.items() if key in config}, "config"))


def scores_problems(scores: object, labels: list[str], part: str) -> list[str]:
    """What keeps the scores of a part from being shown; a score that is not listed may be missing."""
    wrong = list(misfits(scores, {**SCORES, "per_class": dict.fromkeys(labels, OF_CLASS)}, part))
    abstention = scores.get("abstention") if isinstance(scores, Mapping) else None
    return wrong + ([] if abstention is None else list(_abstention_problems(abstention, f"{part}.abstention")))


def with_later(protocol: object) -> object:
    """A protocol with what the first version did not say; anything else as it is."""
    return {**LATER, **protocol} if isinstance(protocol, Mapping) else protocol


def _abstention_problems(abstention: object, place: str) -> Iterator[str]:
    wrong = list(misfits(abstention, ABSTENTION, place))
    yield from wrong
    if isinstance(abstention, Mapping) and not wrong:
        for index, row in enumerate(abstention["thresholds"]):
            yield from misfits(row, THRESHOLD, f"{place}.thresholds.{index}")


def _are_labels(labels: object) -> bool:
    return isinstance(labels, list) and len({name for name in labels if isinstance(name, str)}) == len(labels) > 1


def _named(shape: type | UnionType) -> str:
    """The type's name in words of JSON, without null."""
    words = {str: "text", int: "number", float: "number", list: "list", dict: "mapping", bool: "true or false"}
    kinds = shape.__args__ if isinstance(shape, UnionType) else (shape,)
    return next(words[kind] for kind in kinds if kind in words)
