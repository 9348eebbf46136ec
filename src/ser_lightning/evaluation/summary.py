"""The terminal's account of a run: protocol first, then a table per class like scikit-learn's, then all parts."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ser_lightning.metrics import Scores


def class_table(scores: Scores, title: str) -> Table:
    """Precision, recall, F1, AUROC and support per class, and their means over the classes that have them."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    for name in ("precision", "recall", "F1", "AUROC", "clips"):
        table.add_column(name, justify="right")
    for label, row in scores["per_class"].items():
        values = (row["precision"], row["recall"], row["f1"], row["auroc"])
        table.add_row(label, *map(shown, values), str(row["support"]))
    return table


def parts_table(parts: Mapping[str, Scores]) -> Table:
    """The scores of each part side by side."""
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    table.add_column("")
    for part in parts:
        table.add_column(part, justify="right")
    rows: dict[str, list[float | None]] = {
        "balanced accuracy (UAR)": [scores["balanced_accuracy"] for scores in parts.values()],
        "accuracy": [scores["accuracy"] for scores in parts.values()],
        "macro F1": [scores["macro_f1"] for scores in parts.values()],
        "weighted F1": [scores["weighted_f1"] for scores in parts.values()],
        "AUROC (one vs rest)": [scores["auroc"] for scores in parts.values()],
    }
    for name, values in rows.items():
        table.add_row(name, *map(shown, values))
    table.add_row("clips", *(str(scores["clips"]) for scores in parts.values()))
    return table


def shown(value: float | None) -> str:
    """Three decimals; a dash where a value is undefined.

    >>> shown(0.5), shown(None)
    ('0.500', '-')
    """
    return "-" if value is None else f"{value:.3f}"
