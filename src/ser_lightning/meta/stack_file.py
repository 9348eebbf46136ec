"""stack.json: what a stack is made of, and where its members lie.

Members are named by their path from the stack's directory, so that a folder of runs can be moved as a whole, and by
their absolute path, so that the stack alone can be.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import sklearn

from ser_lightning.errors import UserError
from ser_lightning.meta.comparison import Row
from ser_lightning.meta.fitting import Fitted
from ser_lightning.meta.members import Member
from ser_lightning.meta.search import Found, Search
from ser_lightning.meta.together import Together
from ser_lightning.run_names import STACK_FILE

FORMAT = 1
MODEL_FILE = "meta.skops"


class Kind(NamedTuple):
    """What a model must have in common with another: its classes in order, and its rate in Hz."""

    labels: tuple[str, ...]
    sample_rate: int


@dataclass(frozen=True)
class Stack:
    """What is needed to predict: the classes, the rate in Hz, and the run directories of each member."""

    labels: tuple[str, ...]
    sample_rate: int
    members: tuple[tuple[Path, ...], ...]

    @property
    def kind(self) -> Kind:
        """What each member's models must be of."""
        return Kind(self.labels, self.sample_rate)


def stack_contents(
    together: Together, fitted: Fitted, search: Search, rows: Sequence[Row], run_dir: Path
) -> dict[str, Any]:
    """The contents of stack.json."""
    return {
        "format": FORMAT,
        "meta": search.meta,
        "model": MODEL_FILE,
        "scikit_learn": sklearn.__version__,
        "labels": list(together.labels),
        "sample_rate": together.members[0].first.config["sample_rate"],
        "over_folds": together.over_folds,
        "members": [_said_member(member, run_dir) for member in together.members],
        "search": {"iterations": search.iterations, "inner_folds": search.num_folds, "seed": search.seed},
        "chosen": _said_found(fitted.final),
        "chosen_by_fold": {str(fold): _said_found(found) for fold, found in fitted.of_fold.items()},
        "scores": list(rows),
    }


def read_stack(run_dir: Path) -> Stack:
    """Read a stack's directory; raises UserError, for all of them at once, where members are missing."""
    path = run_dir / STACK_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise UserError(f"{path} has format {found['format']}, this version reads {FORMAT}; stack again")
        places = [[_found_at(run, run_dir) for run in member["runs"]] for member in found["members"]]
        labels, rate = tuple(map(str, found["labels"])), int(found["sample_rate"])
    except UserError:
        raise
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a stack ({type(error).__name__}: {error}); stack again") from error
    if not places:
        raise UserError(f"{path} has no members; stack again")
    problems = [place for runs in places for place in runs if isinstance(place, str)]
    if problems:
        raise UserError([f"{path} needs a member that is gone: {problem}; put it back" for problem in problems])
    members = tuple(tuple(place for place in runs if isinstance(place, Path)) for runs in places)
    nested = [str(place) for runs in members for place in runs if (place / STACK_FILE).exists()]
    if nested or not all(members):
        raise UserError(
            f"{path}: a member must be runs that are no stacks themselves, got {', '.join(nested) or 'none'}"
        )
    return Stack(labels, rate, members)


def _said_member(member: Member, run_dir: Path) -> dict[str, Any]:
    runs = [
        {
            "fold": run.protocol["split_fold"],
            "path": Path(os.path.relpath(run.path.resolve(), run_dir.resolve())).as_posix(),
            "absolute": str(run.path.resolve()),
        }
        for run in member.runs
    ]
    return {"name": member.name, "runs": runs}


def _said_found(found: Found) -> dict[str, Any]:
    return {
        "settings": found.settings,
        "inner_balanced_accuracy": found.score,
        "inner_folds": len(found.inner.folds),
        "inner_folds_disjoint_in": found.inner.disjoint,
    }


def _found_at(run: Mapping[str, Any], run_dir: Path) -> Path | str:
    """Where a member's run lies now; in words where it is nowhere."""
    places = [run_dir / run["path"], Path(run["absolute"])]
    return next((place for place in places if place.is_dir()), f"neither {places[0]} nor {places[1]} is there")
