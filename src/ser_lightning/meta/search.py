"""A randomised search over the settings of a meta-learner, on folds of people that it was not fitted on.

The inner folds hold whole speakers: settings that were chosen on clips of known voices would fit the voices. Where
there are too few speakers the folds hold whole texts, and where there are none of these either, clips; which it was
is said in the protocol.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float, Int64
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import recall_score
from sklearn.model_selection import RandomizedSearchCV, StratifiedGroupKFold, StratifiedKFold

from ser_lightning.errors import UserError
from ser_lightning.evaluation.intervals import voices
from ser_lightning.meta.learners import Meta, class_probabilities, learner

Grouping = Literal["speakers", "texts", "clips"]
Indices = Int64[np.ndarray, " clip"]


class InnerFolds(NamedTuple):
    """The rows to fit on and those to score, fold by fold; no two folds share one of what they are disjoint in."""

    disjoint: Grouping
    folds: list[tuple[Indices, Indices]]


class Found(NamedTuple):
    """A fitted meta-learner, its settings, and their mean balanced accuracy over the inner folds."""

    model: BaseEstimator
    settings: dict[str, Any]
    score: float
    inner: InnerFolds


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to fit a meta-learner: `iterations` settings are compared on up to `num_folds` folds by `jobs` processes."""

    meta: Meta
    iterations: int
    num_folds: int
    jobs: int
    seed: int

    def fit(self, features: Float[np.ndarray, "clip feature"], target: Indices, table: pl.DataFrame) -> Found:
        """The best setting, fitted on all clips; `table` names their speakers and texts. Raises UserError."""
        inner = inner_folds(table, target, num_folds=self.num_folds, seed=self.seed)
        model, ranges = learner(self.meta, self.seed)
        search = RandomizedSearchCV(
            model,
            ranges,
            n_iter=self.iterations,
            scoring=balanced_accuracy,
            cv=inner.folds,
            n_jobs=self.jobs,
            random_state=self.seed,
            error_score="raise",
        )
        search.fit(features, target)
        settings = {name.removeprefix("learner__"): plain(value) for name, value in search.best_params_.items()}
        return Found(search.best_estimator_, settings, float(search.best_score_), inner)


def unseen_probabilities(
    found: Found, features: Float[np.ndarray, "clip feature"], target: Indices, num_classes: int
) -> Float[np.ndarray, "clip class"]:
    """The probabilities of the clips that a model was fitted on, each by the same settings fitted without its fold."""
    made = np.zeros((len(features), num_classes))
    for fitted, held_out in found.inner.folds:
        model = clone(found.model).fit(features[fitted], target[fitted])
        made[held_out] = class_probabilities(model, features[held_out], num_classes)
    return made


def inner_folds(table: pl.DataFrame, target: Indices, *, num_folds: int, seed: int) -> InnerFolds:
    """Folds of disjoint speakers, else texts, else clips; as many as there are, at most `num_folds`.

    Raises UserError where no two folds can be made in which a classifier could be fitted.
    """
    groups: dict[Grouping, pl.Series] = {"speakers": voices(table), "texts": table["text"]}
    for disjoint, names in groups.items():
        folds = list(_grouped(names, target, num_folds=num_folds, seed=seed))
        if _usable(folds, target):
            return InnerFolds(disjoint, folds)
    num = min(num_folds, int(np.bincount(target).max()))
    folds = list(_split(StratifiedKFold(num, shuffle=True, random_state=seed), target, None)) if num >= 2 else []
    if not _usable(folds, target):
        raise UserError(
            f"a meta-learner needs clips of at least two classes in each of two folds, got {len(target)} clips of "
            f"{len(np.unique(target))} classes to fit it on; stack runs with more validation clips"
        )
    return InnerFolds("clips", folds)


def balanced_accuracy(model: BaseEstimator, features: Float[np.ndarray, "clip feature"], target: Indices) -> float:
    """The mean recall of the classes in the truth; scikit-learn's own warns where another class is predicted."""
    return float(
        recall_score(target, model.predict(features), labels=np.unique(target), average="macro", zero_division=0.0)
    )


def plain(value: Any) -> Any:
    """A setting as JSON and YAML take it.

    >>> plain(np.int64(16)), plain("sqrt")
    (16, 'sqrt')
    """
    return value.item() if isinstance(value, np.generic) else value


def _grouped(names: pl.Series, target: Indices, *, num_folds: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Folds of whole groups; none where a group is unknown, or where there are too few groups or clips of a class."""
    num = min(num_folds, names.n_unique(), int(np.bincount(target).max()))
    if num >= 2 and not (names == "").any():
        yield from _split(StratifiedGroupKFold(num, shuffle=True, random_state=seed), target, names.to_numpy())


def _split(
    splitter: StratifiedKFold | StratifiedGroupKFold, target: Indices, groups: np.ndarray | None
) -> Iterator[tuple[Indices, Indices]]:
    with warnings.catch_warnings():
        # A class with fewer clips than folds is missing in some of them: its recall counts where it is there.
        warnings.filterwarnings("ignore", message="The least populated class in y has only")
        folds = list(splitter.split(np.zeros((len(target), 1)), target, groups))
    yield from ((fitted, held_out) for fitted, held_out in folds if len(held_out))


def _usable(folds: Sequence[tuple[Indices, Indices]], target: Indices) -> bool:
    """Whether there are two folds or more, each with two classes or more to fit on."""
    return len(folds) >= 2 and all(len(np.unique(target[fitted])) >= 2 for fitted, _ in folds)
