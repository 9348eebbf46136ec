"""Fitting the meta-learner so that no clip it is tested on had a say in it.

Single runs: fitted on the validation part, tested on the test part. Folds: every clip was tested once by each member,
in a model that never heard its voice, and these out-of-fold predictions are all there is to fit on; so the fit is
crossed once more, and the clips of fold k are predicted by a meta-learner that was fitted on the other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float, Int64

from ser_lightning.meta.learners import class_probabilities
from ser_lightning.meta.search import Found, Search, unseen_probabilities
from ser_lightning.meta.together import Clips, Together


@dataclass(frozen=True, eq=False)
class Fitted:
    """The stored meta-learner, those that predicted single folds, and the stack's predictions by part."""

    final: Found
    of_fold: Mapping[int, Found]
    tables: Mapping[str, pl.DataFrame]


def fit(together: Together, search: Search, *, tell: Callable[[str], None]) -> Fitted:
    """Fit as single runs or folds need it; `tell` is called before each search. Raises UserError."""
    return _fit_folds(together, search, tell) if together.over_folds else _fit_single(together, search, tell)


def _fit_single(together: Together, search: Search, tell: Callable[[str], None]) -> Fitted:
    """Fitted on val; what it says of val itself is by fits without each inner fold."""
    val, test = together.parts["val"], together.parts["test"]
    tell(f"searching on {len(val.table)} validation clips")
    final = search.fit(val.features, val.target, val.table)
    unseen = unseen_probabilities(final, val.features, val.target, len(val.labels))
    predicted = class_probabilities(final.model, test.features, len(test.labels))
    return Fitted(final, {}, {"val": val.predicted(unseen), "test": test.predicted(predicted)})


def _fit_folds(together: Together, search: Search, tell: Callable[[str], None]) -> Fitted:
    clips = together.parts["test"]
    of_fold, predicted = cross_fit(clips, together.fold, search, tell=tell)
    tell(f"searching on all {len(clips.table)} clips, for new ones")
    final = search.fit(clips.features, clips.target, clips.table)
    return Fitted(final, of_fold, {"test": clips.predicted(predicted)})


def cross_fit(
    clips: Clips, fold: Int64[np.ndarray, " clip"], search: Search, *, tell: Callable[[str], None]
) -> tuple[dict[int, Found], Float[np.ndarray, "clip class"]]:
    """The meta-learner of each fold, searched and fitted on the other folds' clips, and what it says of that fold."""
    features, target = clips.features, clips.target
    predicted = np.zeros((len(features), len(clips.labels)))
    found = {}
    for k in np.unique(fold).tolist():
        tell(f"searching for fold {k} on {int((fold != k).sum())} clips of the others")
        rest, tested = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        found[k] = search.fit(features[rest], target[rest], clips.table[rest])
        predicted[tested] = class_probabilities(found[k].model, features[tested], len(clips.labels))
    return found, predicted
