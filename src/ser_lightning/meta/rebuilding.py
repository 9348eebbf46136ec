"""A meta-learner of a stranger, put together anew from the numbers in it.

Of what was read only the trees, coefficients and classes are used, each checked; all else, from which scikit-learn's
compiled code takes how much memory to write, is that of a model that is fitted here, to a row of zeros a class.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from jaxtyping import Float, Int64
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree._tree import Tree

FORESTS = (RandomForestClassifier, ExtraTreesClassifier)
Classes = Int64[np.ndarray, " seen"]


def rebuilt(model: object, *, num_features: int, num_classes: int) -> BaseEstimator:
    """A meta-learner that predicts what `model` does, of `num_features` features and classes under `num_classes`.

    Raises ValueError, TypeError, AttributeError or IndexError where it is none of ours, or not sound.
    """
    if type(model) is Pipeline:
        return _logistic(model, num_features, num_classes)
    if type(model) is GradientBoostingClassifier:
        return _boosting(model, num_features, num_classes)
    if type(model) in FORESTS:
        return _forest(model, num_features, num_classes)
    raise ValueError(f"a {type(model).__name__} is none of the meta-learners")


def _logistic(model: Pipeline, num_features: int, num_classes: int) -> BaseEstimator:
    (_, scale), (_, learner) = model.steps
    if (type(scale), type(learner)) != (StandardScaler, LogisticRegression):
        raise ValueError("a pipeline must be of a scaler and a logistic regression")
    classes = _classes(learner, num_classes)
    steps = [("scale", StandardScaler()), ("learner", LogisticRegression())]
    made: Any = _fitted(Pipeline(steps), classes, num_features)
    rows = 1 if len(classes) == 2 else len(classes)
    made[0].mean_ = _numbers(scale.mean_, num_features)
    made[0].scale_ = _numbers(scale.scale_, num_features)
    made[1].coef_ = _numbers(learner.coef_, rows, num_features)
    made[1].intercept_ = _numbers(learner.intercept_, rows)
    return made


def _boosting(model: Any, num_features: int, num_classes: int) -> BaseEstimator:
    classes = _classes(model, num_classes)
    if type(model.init_) is not DummyClassifier or not np.array_equal(model.init_.classes_, classes):
        raise ValueError("boosting must begin with the shares of its own classes")
    blank = GradientBoostingClassifier(n_estimators=1, learning_rate=float(_numbers(model.learning_rate)))
    made: Any = _fitted(blank, classes, num_features)
    made.init_.class_prior_ = _numbers(model.init_.class_prior_, len(classes))
    trees = np.asarray(model.estimators_, dtype=object)
    if trees.ndim != 2 or trees.shape[1] != made.estimators_.shape[1]:
        raise ValueError("boosting must have a tree a class in each step")
    of_one = made.estimators_[0, 0]
    again = [_with_tree(of_one, tree.tree_, num_features, 1) for tree in trees.ravel()]
    made.estimators_ = np.array(again, dtype=object).reshape(trees.shape)
    return made


def _forest(model: Any, num_features: int, num_classes: int) -> BaseEstimator:
    classes = _classes(model, num_classes)
    made: Any = _fitted(type(model)(n_estimators=1), classes, num_features)
    of_one = made.estimators_[0]
    made.estimators_ = [_with_tree(of_one, tree.tree_, num_features, len(classes)) for tree in model.estimators_]
    if not made.estimators_:
        raise ValueError("a forest must have trees")
    return made


def _fitted(blank: Any, classes: Classes, num_features: int) -> BaseEstimator:
    """`blank` fitted to a row of zeros a class, so that all its parts are of these classes and features."""
    made: BaseEstimator = blank.fit(np.zeros((len(classes), num_features)), classes)
    return made


def _classes(model: Any, num_classes: int) -> Classes:
    """The indices of the classes that a model was fitted on, which rise."""
    classes = np.asarray(model.classes_)
    if classes.ndim != 1 or classes.dtype.kind != "i" or not len(classes) or (np.diff(classes) <= 0).any():
        raise ValueError("classes must be whole numbers that rise")
    if classes[0] < 0 or classes[-1] >= num_classes:
        raise ValueError(f"classes must be from 0 to under {num_classes}")
    return classes.astype(np.int64)


def _numbers(values: object, *shape: int) -> Float[np.ndarray, "..."]:
    numbers = np.array(values, dtype=np.float64)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise ValueError(f"{'x'.join(map(str, shape)) or 'one'} finite numbers are needed, got {numbers.shape}")
    return numbers


def _with_tree(estimator: Any, tree: Tree, num_features: int, num_values: int) -> Any:
    """A copy of a fitted tree's estimator with another tree in it, once that is known to be sound."""
    if type(tree) is not Tree or not _sound_tree(tree, num_features, num_values):
        raise ValueError("a tree must stay within its own nodes, features and classes")
    made = copy.copy(estimator)
    made.tree_ = tree
    return made


def _sound_tree(tree: Tree, num_features: int, num_values: int) -> bool:
    """Whether each node is a leaf, or splits by a feature that there is into nodes after itself that there are."""
    if tree.n_features != num_features or tree.n_outputs != 1 or not 0 < tree.node_count <= tree.capacity:
        return False
    if tree.value.shape != (tree.node_count, 1, num_values) or not np.isfinite(tree.value).all():
        return False
    left, right, here = tree.children_left, tree.children_right, np.arange(tree.node_count)
    leaf = left == -1
    children = np.stack([left, right])[:, ~leaf]
    forward = (children > here[~leaf]).all() and (children < tree.node_count).all()
    known = ((tree.feature[~leaf] >= 0) & (tree.feature[~leaf] < num_features)).all()
    return bool(forward and known)
