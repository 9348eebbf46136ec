"""What a search is for: numbers of metrics.json by their dotted keys, each to be as large or as small as can be.

Never of the test part: what is chosen on it has no honest score left.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ser_lightning.errors import RunFailedError, UserError

Direction = Literal["maximize", "minimize"]
EVERY_EPOCH = {
    "val.balanced_accuracy": "val_balanced_accuracy",
    "val.accuracy": "val_accuracy",
    "val.macro_f1": "val_macro_f1",
}
"""What is known after each epoch too, by its name in log.csv: a pruner needs that."""


def check_objectives(objectives: Mapping[str, Any], *, pruned: bool) -> dict[str, Direction]:
    """The objectives with their directions; raises UserError with all that is wrong."""
    problems = []
    if not objectives:
        problems.append("hydra.sweeper.objectives: one is needed, such as {val.balanced_accuracy: maximize}")
    for key, direction in objectives.items():
        if key.split(".")[0] != "val":
            problems.append(
                f"hydra.sweeper.objectives.{key}: a search chooses by the validation part, val.*; what is chosen by "
                "its score on the test part has no honest test score, and the training part is known by heart"
            )
        if direction not in ("maximize", "minimize"):
            problems.append(f"hydra.sweeper.objectives.{key}={direction}: maximize or minimize")
    if pruned and len(objectives) > 1:
        problems.append("hydra.sweeper.pruner: Optuna prunes by one objective; set hydra.sweeper.pruner.name=none")
    elif pruned and not set(objectives) <= EVERY_EPOCH.keys():
        problems.append(
            f"hydra.sweeper.pruner: only {', '.join(EVERY_EPOCH)} are known after every epoch; choose one of them, or "
            "hydra.sweeper.pruner.name=none"
        )
    if problems:
        raise UserError(problems)
    return dict(objectives)


def objective_values(run_dir: Path, objectives: Mapping[str, Direction]) -> list[float]:
    """The values of a finished run; raises RunFailedError where one is missing or no number."""
    metrics = json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))
    return [_value(metrics, key, run_dir) for key in objectives]


def _value(metrics: Mapping[str, Any], key: str, run_dir: Path) -> float:
    node: Any = metrics
    for word in key.split("."):
        node = node.get(word) if isinstance(node, Mapping) else None
    if isinstance(node, bool) or not isinstance(node, int | float) or not math.isfinite(node):
        known = ", ".join(name for name, value in metrics["val"].items() if isinstance(value, float))
        raise RunFailedError(f"{run_dir / 'metrics.json'} has no number {key}; of val it has {known}")
    return float(node)
