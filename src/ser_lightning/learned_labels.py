"""Which emotions count as which class of a trained model, from its run's label set and its classes alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ser_lightning.emotions import EMOTIONS, LabelSet, check_label_set, label_set
from ser_lightning.errors import UserError


def learned_label_set(spec: object, labels: Iterable[str]) -> LabelSet:
    """The label set that `spec` was for data that gave the classes `labels`.

    Raises UserError where the two do not belong together.

    >>> learned_label_set("native", ["angry", "sad"]).mapping
    {'angry': 'angry', 'sad': 'sad'}
    >>> learned_label_set({"calm": ["neutral", "calm"], "sad": "sad"}, ["calm", "sad"]).mapping
    {'neutral': 'calm', 'calm': 'calm', 'sad': 'sad'}
    """
    checked, learned = check_label_set(spec), tuple(labels)
    made = label_set(checked, learned if checked == "native" else {*EMOTIONS, *_mentioned(checked)})
    if made.labels != learned:
        raise UserError(
            f"label_set={made.name} gives the classes {', '.join(made.labels)}, but the model has {', '.join(learned)}"
        )
    return made


def _mentioned(spec: str | Mapping[str, object]) -> set[str]:
    """The emotions that a mapping names."""
    if isinstance(spec, str):
        return set()
    members = [[names] if isinstance(names, str) else names for names in spec.values()]
    return {str(name) for names in members if isinstance(names, list) for name in names}
