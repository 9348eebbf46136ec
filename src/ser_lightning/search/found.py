"""What a search found: its trials in order, and the best of them as a config that `train` takes."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import rich.box
import rich.markup
import rich.table
import yaml
from optuna.trial import FrozenTrial, TrialState

from ser_lightning.evaluation.summary import score_line
from ser_lightning.files import write_text
from ser_lightning.run_state import read_config
from ser_lightning.search.study import Search
from ser_lightning.terminal import out

EXPERIMENTS = "experiment"
ENOUGH = 4
"""Trials from which the importance of a parameter can be told at all."""


def best_trials(search: Search) -> list[FrozenTrial]:
    """The best trial, or of several objectives all that no other beats in every one; none where none is complete."""
    complete = [trial for trial in search.trials if trial.state is TrialState.COMPLETE]
    if not complete:
        return []
    return search.study.best_trials if len(search.study.directions) > 1 else [search.study.best_trial]


def experiment_names(trials: Sequence[FrozenTrial]) -> list[str]:
    """`best`, or of several `best_<trial>` each."""
    return ["best"] if len(trials) == 1 else [f"best_{trial.number}" for trial in trials]


def write_experiment(folder: Path, name: str, config: Mapping[str, Any], groups: Mapping[str, str], about: str) -> Path:
    """A trial's whole config as `<folder>/experiment/<name>.yaml`, which `--config-dir <folder>` lets `train` take.

    `groups` are the options that the config was made of, so that what stands below fills the right nodes.
    """
    defaults = [{f"override /{group}": option} for group, option in groups.items()]
    body = {"defaults": [*defaults, "_self_"], **config, "name": f"{config['name']}_{name}"}
    path = folder / EXPERIMENTS / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True)
    write_text(path, f"# @package _global_\n# {about}\n{text}")
    return path


def trials_table(search: Search, objectives: Sequence[str]) -> rich.table.Table:
    """Every trial: the complete ones from the best on, then the others."""
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    keys = list(search.space)
    for name in ("trial", "", *objectives):
        table.add_column(name, justify="right" if name in objectives else "left")
    for key in keys:
        table.add_column(rich.markup.escape(key))
    for trial in in_order(search):
        values = trial.values if trial.state is TrialState.COMPLETE and trial.values else [None] * len(objectives)
        table.add_row(
            str(trial.number),
            "" if trial.state is TrialState.COMPLETE else _outcome(trial),
            *(f"{value:.4f}" if value is not None else "" for value in values),
            *(rich.markup.escape(shown(trial.params.get(key))) for key in keys),
        )
    return table


def in_order(search: Search) -> list[FrozenTrial]:
    """The complete trials by their first objective, the best first; then pruned, then failed ones."""
    sign = -1 if search.study.directions[0] is optuna.study.StudyDirection.MAXIMIZE else 1
    complete = [trial for trial in search.trials if trial.state is TrialState.COMPLETE]
    others = [trial for trial in search.trials if trial.state in (TrialState.PRUNED, TrialState.FAIL)]
    return [
        *sorted(complete, key=lambda trial: (sign * (trial.values or [0.0])[0], trial.number)),
        *sorted(others, key=lambda trial: (trial.state is TrialState.FAIL, trial.number)),
    ]


def importances(search: Search) -> dict[str, float]:
    """The share of each parameter in what makes the first objective differ (fANOVA); none where it cannot be told."""
    complete = [trial for trial in search.trials if trial.state is TrialState.COMPLETE]
    differ = len({tuple(trial.values or ()) for trial in complete}) > 1
    if len(complete) < ENOUGH or len(search.space) < 2 or not differ or len(search.study.directions) > 1:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(search.study, evaluator=evaluator)


def shown(value: object) -> str:
    """A parameter's value for people.

    >>> shown(0.00123456), shown("resnet18"), shown(None)
    ('0.001235', 'resnet18', '')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _outcome(trial: FrozenTrial) -> str:
    if trial.state is TrialState.FAIL:
        return "failed"
    return f"pruned after epoch {trial.last_step}" if trial.last_step is not None else "pruned"


def tell_best(
    trial: FrozenTrial,
    name: str,
    run_dir: Path,
    objectives: Sequence[str],
    groups: Mapping[str, str],
) -> None:
    """Print a trial with its protocol, and leave its config as an experiment."""
    folder = run_dir.parent
    metrics = json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))
    values = ", ".join(f"{key} {value:.4f}" for key, value in zip(objectives, trial.values or [], strict=True))
    about = f"Trial {trial.number} of the search {folder}: {values}."
    write_experiment(folder, name, read_config(run_dir), groups, about)
    lines = [
        f"\n{name}: trial {trial.number}, {values}, chosen by it, so it is too good to be true",
        score_line(metrics["test"]),
        f"protocol: {metrics['protocol']['sentence']}",
        f"run:      {run_dir}",
        f"its config, to train again:\n  python -m ser_lightning.train --config-dir {shlex.quote(str(folder))} "
        f"+experiment={name}",
    ]
    out.print("\n".join(lines), markup=False)
