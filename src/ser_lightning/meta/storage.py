"""A fitted meta-learner on disk, without pickle: a stranger's file can be read without running what is in it.

skops writes a list of types and arrays, and builds on reading only types that it is told to trust. A decision tree's
nodes are indices into memory that scikit-learn does not check, so they are checked here.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree._tree import Tree
from skops import io

from ser_lightning.errors import UserError
from ser_lightning.files import atomic_path

TRUSTED = ("sklearn.tree._tree.Tree",)
"""What is read besides the types that skops itself knows as harmless."""
KINDS = (RandomForestClassifier, ExtraTreesClassifier, GradientBoostingClassifier, Pipeline)


def write_model(path: Path, model: BaseEstimator) -> None:
    """Write a fitted meta-learner in one rename."""
    with atomic_path(path) as temporary:
        io.dump(model, temporary, compression=zipfile.ZIP_DEFLATED, compresslevel=6)


def read_model(path: Path, *, num_features: int, num_classes: int) -> BaseEstimator:
    """Read a meta-learner of `num_features` features and classes from 0 to under `num_classes`.

    Raises UserError where it is missing, damaged, of another shape, or holds anything but a meta-learner.
    """
    if not path.exists():
        raise UserError(f"{path} is missing: the stack cannot predict without its meta-learner; stack again")
    try:
        foreign = sorted(set(io.get_untrusted_types(file=path)) - set(TRUSTED))
        if foreign:
            raise UserError(f"{path} holds {', '.join(foreign)}, which no meta-learner needs; it was not loaded")
        model = io.load(path, trusted=list(TRUSTED))
    except UserError:
        raise
    except Exception as error:  # a damaged archive fails in any way that its bytes can
        reason = f"{type(error).__name__}: {error}"[:200]
        raise UserError(f"{path} cannot be read as a meta-learner ({reason}); stack again") from error
    if not _sound(model, num_features, num_classes):
        raise UserError(
            f"{path} is no meta-learner of {num_features} features and {num_classes} classes, as stack.json says; "
            "stack again"
        )
    return model


def _sound(model: object, num_features: int, num_classes: int) -> bool:
    """Whether it is one of our meta-learners, fitted, that fits the stack and stays within its own arrays."""
    if not isinstance(model, KINDS):
        return False
    try:
        if isinstance(model, Pipeline):
            kinds = [type(step) for _, step in model.steps]
            return kinds == [StandardScaler, LogisticRegression] and _fits(model, num_features, num_classes)
        trees = np.asarray(model.estimators_, dtype=object)
        of_classes = trees.ndim == 1 or trees.shape[1] == (1 if len(model.classes_) == 2 else len(model.classes_))
        whole = all(_sound_tree(estimator.tree_, num_features) for estimator in trees.ravel())
        return of_classes and whole and _fits(model, num_features, num_classes)
    except (AttributeError, TypeError, ValueError):  # parts of a fitted model are missing
        return False


def _fits(model: BaseEstimator, num_features: int, num_classes: int) -> bool:
    classes = np.asarray(model.classes_)
    inside = classes.dtype.kind == "i" and bool(((classes >= 0) & (classes < num_classes)).all())
    return inside and int(model.n_features_in_) == num_features


def _sound_tree(tree: Tree, num_features: int) -> bool:
    """Whether each node is a leaf, or splits by a feature that there is into nodes after itself that there are."""
    if tree.n_features != num_features or tree.n_outputs != 1 or not 0 < tree.node_count <= tree.capacity:
        return False
    left, right, here = tree.children_left, tree.children_right, np.arange(tree.node_count)
    leaf = left == -1
    children = np.stack([left, right])[:, ~leaf]
    forward = (children > here[~leaf]).all() and (children < tree.node_count).all()
    known = ((tree.feature[~leaf] >= 0) & (tree.feature[~leaf] < num_features)).all()
    return bool(forward and known)
