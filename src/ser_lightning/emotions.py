"""Emotion names, and the label sets that a run may be scored on.

A corpus keeps its own labels as canonical names; a label set maps these to classes and says what it merges and
drops, because neutral counted as calm, or surprise left out, changes what a score means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ser_lightning.errors import UserError, did_you_mean

EMOTIONS = (
    "angry",
    "disgust",
    "fear",
    "happy",
    "sad",
    "surprise",
    "neutral",
    "calm",
    "boredom",
    "contempt",
    "excited",
    "frustrated",
    "anxious",
    "other",
)
"""Canonical names, in the order in which native classes are numbered."""

SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "bored": "boredom",
    "excitement": "excited",
    "frustration": "frustrated",
    "anxiety": "anxious",
}
"""Spellings of other tools and tables, read as the canonical name."""

_SIX = {name: name for name in ("angry", "disgust", "fear", "happy", "sad", "neutral")}
_BIG4 = {name: name for name in ("angry", "happy", "neutral", "sad")}
_EIGHT = {name: name for name in ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")}
_PAPER7 = {name: name for name in ("angry", "fear", "disgust", "sad", "surprise", "happy", "calm")}

LABEL_SETS: dict[str, dict[str, str]] = {
    "paper7": _PAPER7 | {"neutral": "calm"},
    "six": _SIX | {"calm": "neutral"},
    "eight": _EIGHT,
    "big4": _BIG4,
}
"""Emotion -> class. `six` drops surprise; `eight` is RAVDESS's; `native` is made from the data."""


@dataclass(frozen=True)
class LabelSet:
    """An ordered list of classes, and which emotion counts as which."""

    name: str
    mapping: Mapping[str, str]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order of their first mention."""
        return tuple(dict.fromkeys(self.mapping.values()))

    def merged(self, emotions: Iterable[str]) -> dict[str, int]:
        """How many clips count as a class of another name, as `{"neutral -> calm": 400}`."""
        counts = Counter(emotions)
        pairs = [(name, label) for name, label in self.mapping.items() if name != label and counts[name]]
        return {f"{name} -> {label}": counts[name] for name, label in pairs}

    def dropped(self, emotions: Iterable[str]) -> dict[str, int]:
        """How many clips no class takes, by emotion."""
        return {name: n for name, n in sorted(Counter(emotions).items()) if name not in self.mapping}


def canonical_emotion(name: str) -> str:
    """The canonical spelling of an emotion's name.

    Raises UserError where the name is unknown.

    >>> canonical_emotion(" Anger ")
    'angry'
    """
    word = name.strip().lower()
    word = SYNONYMS.get(word, word)
    if word not in EMOTIONS:
        raise UserError(f"unknown emotion '{name}'{did_you_mean(word, (*EMOTIONS, *SYNONYMS))}")
    return word


def label_set(spec: str | Mapping[str, object], emotions: Iterable[str]) -> LabelSet:
    """The label set that `spec` names, for data that holds `emotions`.

    `native` takes the classes that are there. A mapping gives the classes in order, each with the emotions that
    count as it: `{negative: [angry, sad], positive: [happy]}`; `{angry: angry, calm: [neutral, calm]}`.
    Raises UserError for an unknown name, fewer than two classes, an emotion under two classes, or a class that no
    clip of the data has.
    """
    present = set(emotions)
    unknown = (
        [] if isinstance(spec, str) else [name for name in _from_mapping(spec) if name not in {*EMOTIONS, *present}]
    )
    if unknown:
        raise UserError(
            [f"label_set: '{name}' is no emotion{did_you_mean(name, {*EMOTIONS, *present})}" for name in unknown]
        )
    chosen = _named(spec, present) if isinstance(spec, str) else LabelSet("custom", _from_mapping(spec))
    if len(chosen.labels) < 2:
        raise UserError(
            f"label_set={chosen.name} gives {len(chosen.labels)} class, training needs at least two; "
            f"the data holds {', '.join(sorted(present)) or 'no clips'}"
        )
    there = {chosen.mapping[name] for name in present if name in chosen.mapping}
    absent = [label for label in chosen.labels if label not in there]
    if absent:
        raise UserError(
            f"label_set={chosen.name} has classes that no clip has: {', '.join(absent)}; the data holds "
            f"{', '.join(sorted(present))}; use label_set=native, or a mapping of these"
        )
    return chosen


def check_label_set(spec: object) -> str | dict[str, object]:
    """Check a label set as far as that goes without data; raises UserError."""
    if isinstance(spec, Mapping):
        _from_mapping(spec)
        return {str(label): members for label, members in spec.items()}
    names = ("native", *LABEL_SETS)
    if not isinstance(spec, str) or spec not in names:
        raise UserError(f"{spec!r} is none of the label sets{did_you_mean(str(spec), names)}")
    return spec


def _named(name: str, present: set[str]) -> LabelSet:
    if name == "native":
        known = [emotion for emotion in EMOTIONS if emotion in present]
        own = sorted(present.difference(EMOTIONS))
        return LabelSet(name, {emotion: emotion for emotion in (*known, *own)})
    check_label_set(name)
    return LabelSet(name, LABEL_SETS[name])


def _from_mapping(spec: Mapping[str, object]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    problems = []
    for label, members in spec.items():
        names = [members] if isinstance(members, str) else members
        if not isinstance(names, (list, tuple)):
            problems.append(f"class '{label}' needs an emotion or a list of them, got {members!r}")
            continue
        if not names:
            problems.append(f"class '{label}' has no emotion; give it one, or leave it out")
        for name in map(str, names):
            word = name.strip().lower()
            word = SYNONYMS.get(word, word)
            emotion = word if word in EMOTIONS else name
            if emotion in mapping:
                problems.append(f"'{name}' is under '{mapping[emotion]}' and '{label}'; leave one")
            mapping[emotion] = str(label)
    if problems:
        raise UserError(problems)
    return mapping
