"""What a model was trained on, where its config.yaml does not say: that of an evaluation names the corpus it tested.

Such models all test the same clips, whichever fold they were trained on. So the fold is no part of a test that would
be put together, but makes a repetition, as another seed does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ser_lightning.errors import UserError
from ser_lightning.evaluation.comparison_names import Settings, settings_of
from ser_lightning.evaluation.runs import FinishedRun

REPEATED = ("split.fold", "split.root")
"""Keys of the split of a training that do not define its configuration; its seed does, as no protocol has it."""


class Repetition(NamedTuple):
    """What tells runs of a configuration apart that test the same clips.

    >>> str(Repetition(1)), str(Repetition(0, trained_fold=3))
    ('seed 1', 'seed 0 of training fold 3')
    """

    seed: int
    trained_fold: int | None = None

    def __str__(self) -> str:
        fold = "" if self.trained_fold is None else f" of training fold {self.trained_fold}"
        return f"seed {self.seed}{fold}"


class Training(NamedTuple):
    """The corpus and split of a training, by dotted keys under `trained`, and its fold, where there is one."""

    settings: Settings
    fold: int | None


def seed_of(run: FinishedRun) -> int:
    """The seed of its config; raises UserError where that is no number."""
    seed = run.config.get("seed") or 0
    if not isinstance(seed, int):
        raise UserError(f"{run.path / 'config.yaml'}: seed must be a whole number, got {seed!r}")
    return seed


def training_of(run: FinishedRun) -> Training | None:
    """The training of a model that was evaluated on another corpus; None where its own config is of the training.

    It is read from the evaluated run; None too where that is gone.
    """
    config = _trained_config(run)
    if config is None or all(config.get(key) == run.config.get(key) for key in ("corpus", "split")):
        return None
    split = config.get("split") or {}
    about = settings_of({"corpus": config.get("corpus"), "split": split})
    if "seed" in split:
        about = {**about, "split.seed": split["seed"]}
    fold = split.get("fold")
    return Training(
        {f"trained.{key}": value for key, value in about.items() if key not in REPEATED},
        fold if isinstance(fold, int) else None,
    )


def is_gone(run: FinishedRun) -> bool:
    """Whether a run is the evaluation of one that is not at hand."""
    return "run" in run.config and _trained_config(run) is None


def _trained_config(run: FinishedRun) -> Mapping[str, Any] | None:
    """The config of the run that was evaluated; None of a run that evaluates none, or whose is gone or unreadable."""
    if "run" not in run.config:
        return None
    path = Path(str(run.config["run"])).expanduser() / "config.yaml"
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    return config if isinstance(config, Mapping) else None
