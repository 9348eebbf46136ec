"""What the process of a job must know of the search that it is a trial of: study.json, in the search's folder.

The storage's URL stands there as it was given, with a password where it has one; so only its owner may read the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna

from ser_lightning.files import write_text
from ser_lightning.search.methods import make_pruner
from ser_lightning.search.objectives import EVERY_EPOCH
from ser_lightning.search.study import open_storage

STUDY_FILE = "study.json"


@dataclass(frozen=True)
class StudyFile:
    """Where a study is, what of it is to be as large or small as can be, and how its trials are broken off."""

    storage: str
    name: str
    objectives: dict[str, Any]
    pruner: dict[str, Any]


def write_study_file(folder: Path, about: StudyFile) -> None:
    """Leave study.json in a search's folder."""
    before = os.umask(0o077)
    try:
        write_text(folder / STUDY_FILE, json.dumps(asdict(about), indent=1) + "\n")
    finally:
        os.umask(before)


@dataclass(frozen=True)
class WatchedTrial:
    """A trial whose `metric` is reported after each epoch; `trial` is Optuna's."""

    trial: optuna.trial.Trial
    metric: str

    def report(self, epoch: int, value: float) -> None:
        """Tell the value of an epoch, counted from 1, once: an epoch that is trained again gives the same."""
        if epoch not in self.trial.study.get_trials(deepcopy=False)[self.trial.number].intermediate_values:
            self.trial.report(value, epoch)

    def is_hopeless(self) -> bool:
        """Whether the pruner gives it up."""
        return self.trial.should_prune()

    def give_up(self) -> None:
        """Have the study know that it was pruned."""
        self.trial.study.tell(self.trial.number, state=optuna.trial.TrialState.PRUNED, skip_if_finished=True)


def watched_trial(folder: Path, number: int) -> WatchedTrial | None:
    """The trial that a job of this folder is; None where its search prunes nothing."""
    about = _read(folder)
    if about.pruner.get("name") == "none":
        return None
    study = optuna.load_study(
        study_name=about.name, storage=open_storage(about.storage), pruner=make_pruner(about.pruner)
    )
    [metric] = about.objectives
    frozen = study.get_trials(deepcopy=False)[number]
    return WatchedTrial(optuna.trial.Trial(study, frozen._trial_id), EVERY_EPOCH[metric])


def _read(folder: Path) -> StudyFile:
    values: Mapping[str, Any] = json.loads((folder / STUDY_FILE).read_text(encoding="utf-8"))
    return StudyFile(**values)
