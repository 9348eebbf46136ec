"""The terminal's account of a run: a table per class like scikit-learn's, then all parts, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from ser_lightning.evaluation.intervals import said
from ser_lightning.evaluation.scores import NAMES


def class_table(scores: Mapping[str, Any], title: str) -> Table:
    """Precision, recall, F1, AUROC and support per class."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    for name in ("precision", "recall", "F1", "AUROC", "clips"):
        table.add_column(name, justify="right")
    for label, row in scores["per_class"].items():
        values = (row["precision"], row["recall"], row["f1"], row["auroc"])
        table.add_row(label, *map(shown, values), str(row["support"]))
    return table


def parts_table(parts: Mapping[str, Mapping[str, Any]]) -> Table:
    """The scores of each part side by side; in brackets the interval over speakers, where there is one."""
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    for part in parts:
        table.add_column(part, justify="right")
    for key, name in NAMES.items():
        if any(scores[key] is not None for scores in parts.values()):
            table.add_row(name, *(said(scores[key], _around(scores, key)) for scores in parts.values()))
    table.add_row("clips", *(str(scores["clips"]) for scores in parts.values()))
    return table


def speakers_table(scores: Mapping[str, Any]) -> Table | None:
    """The scores of each speaker, where there are several but too few for an interval; None otherwise."""
    speakers = scores.get("groups", {}).get("speaker")
    if speakers is None or not scores["intervals"]["reason"]:
        return None
    table = Table(title="Test, by speaker", title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    keys = ("balanced_accuracy", "accuracy", "macro_f1", "auroc")
    for name in (*(NAMES[key] for key in keys), "clips"):
        table.add_column(name, justify="right")
    for speaker, row in speakers["values"].items():
        table.add_row(escape(speaker), *(shown(row["scores"][key]) for key in keys), str(row["clips"]))
    return table


def score_line(scores: Mapping[str, Any]) -> str:
    """The balanced accuracy on the test part with its interval, or why it has none, in a line."""
    key = "balanced_accuracy"
    return f"test {NAMES[key]} {said(scores[key], _around(scores, key))} ({interval_note(scores)})"


def interval_note(scores: Mapping[str, Any]) -> str:
    """What the brackets are, or why there are none."""
    intervals = scores["intervals"]
    if intervals["reason"]:
        return f"no intervals: {intervals['reason']}"
    return f"[ ]: {intervals['level']:.0%} interval of {intervals['speakers']} speakers, by a {intervals['method']}"


def shown(value: float | None) -> str:
    """Three decimals; a dash where a value is undefined.

    >>> shown(0.5), shown(None)
    ('0.500', '-')
    """
    return "-" if value is None else f"{value:.3f}"


def _around(scores: Mapping[str, Any], key: str) -> tuple[float, float] | None:
    low_high = scores["intervals"]["scores"].get(key) if "intervals" in scores else None
    return None if low_high is None else (low_high[0], low_high[1])
