"""The meta-learners, the settings that a search draws for each, and the probabilities of a fitted one.

A few hundred to a few thousand clips are little to learn from, and the members' probabilities are nearly the answer:
so the ranges lean to small models, of few splits and large leaves.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

Meta = Literal["random_forest", "extra_trees", "gradient_boosting", "logistic"]
SMOOTHING = 0.01
"""The share of a clip's probability that is spread evenly: a tree says 0 of what its few clips did not show."""

_FOREST = {
    "n_estimators": randint(40, 121),
    "max_depth": [3, 5, 8, 12, None],
    "min_samples_split": randint(2, 65),
    "min_samples_leaf": randint(1, 17),
    "max_features": ["sqrt", 0.3, 0.5],
    "class_weight": ["balanced"],
}
_BOOSTING = {
    "n_estimators": randint(40, 121),
    "learning_rate": loguniform(0.02, 0.2),
    "max_depth": randint(1, 4),
    "min_samples_split": randint(2, 65),
    "subsample": uniform(0.5, 0.5),
    "max_features": ["sqrt"],
}
_LOGISTIC = {"learner__C": loguniform(1e-4, 10), "learner__class_weight": [None, "balanced"]}


def learner(meta: Meta, seed: int) -> tuple[BaseEstimator, dict[str, Any]]:
    """An unfitted meta-learner, and what its settings are drawn from: lists, or distributions of scipy.stats."""
    if meta == "random_forest":
        return RandomForestClassifier(random_state=seed), _FOREST
    if meta == "extra_trees":
        return ExtraTreesClassifier(random_state=seed), _FOREST
    if meta == "gradient_boosting":
        return GradientBoostingClassifier(random_state=seed), _BOOSTING
    steps = [("scale", StandardScaler()), ("learner", LogisticRegression(max_iter=5000, random_state=seed))]
    return Pipeline(steps), _LOGISTIC


def class_probabilities(
    model: BaseEstimator, features: Float[np.ndarray, "clip feature"], num_classes: int
) -> Float[np.ndarray, "clip class"]:
    """The probabilities of a model that was fitted on indices of classes; 0 for a class that it never saw."""
    seen = model.classes_
    made = np.zeros((len(features), num_classes))
    made[:, seen] = (1 - SMOOTHING) * model.predict_proba(features) + SMOOTHING / len(seen)
    return made
