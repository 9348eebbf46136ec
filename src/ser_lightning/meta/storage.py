"""A fitted meta-learner on disk, without pickle: a stranger's file can be read without running what is in it.

skops writes a list of types and arrays, and builds on reading only types that it is told to trust. scikit-learn does
not check that the parts of a fitted model fit each other, so the model is put together anew (`rebuilding`).
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from sklearn.base import BaseEstimator
from skops import io

from ser_lightning.errors import UserError
from ser_lightning.files import atomic_path
from ser_lightning.meta.rebuilding import rebuilt

TRUSTED = ("sklearn.tree._tree.Tree",)
"""What is read besides the types that skops itself knows as harmless."""


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
    try:
        return rebuilt(model, num_features=num_features, num_classes=num_classes)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is no meta-learner of {num_features} features and {num_classes} classes, as stack.json says "
            f"({error}); stack again"
        ) from error
