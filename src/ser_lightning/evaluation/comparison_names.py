"""What makes a configuration, and what to call it: the keys in which it differs from those beside it.

Runs that differ only in a seed, a fold, a place on a disk, a device or a number of processes are of one configuration;
so are evaluations (`run`) of such runs, see `comparison_training`. What is tested belongs
to the protocol (`comparison_protocols`), so the keys that only choose it are no part of a configuration either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Settings = Mapping[str, Any]
"""The values that define a configuration, by their dotted keys."""

NOT_DEFINING = frozenset(
    {
        *("seed", "name", "data_dir", "cache_dir", "leaks", "resume", "logger", "hydra", "jobs", "run"),
        *("data.seed", "data.workers", "data.resident"),
        *("corpus.root", "corpus.roots", "corpus.data_dir"),
        *("split.seed", "split.fold", "split.test_speakers", "split.test_corpus", "split.root"),
        *("trainer.devices", "trainer.accelerator", "trainer.strategy", "trainer.tf32", "trainer.compile"),
    }
)
"""Keys that do not define a configuration; nor does what lies under them."""
MOST_KEYS = 4
"""A configuration is named by no more keys than this."""


def settings_of(config: Mapping[str, Any]) -> Settings:
    """The values of a resolved config that define its configuration, by dotted key.

    >>> settings_of({"seed": 3, "model": {"backbone": "resnet18"}, "corpus": {"root": "here"}})
    {'model.backbone': 'resnet18'}
    """
    return dict(_leaves("", config))


def _leaves(path: str, node: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in node.items():
        dotted = f"{path}.{key}" if path else str(key)
        if dotted in NOT_DEFINING:
            continue
        found += _leaves(dotted, value) if isinstance(value, Mapping) else [(dotted, value)]
    return found


def identity(settings: Settings) -> str:
    """A text that two equal settings share, whatever their order."""
    return json.dumps(settings, sort_keys=True, default=str)


def differing_keys(configurations: Sequence[Settings]) -> list[str]:
    """The keys that some configurations lack, or have with different values, in the order of the configs.

    >>> differing_keys([{"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}])
    ['b', 'c']
    """
    keys = list(dict.fromkeys(key for settings in configurations for key in settings))
    return [
        key
        for key in keys
        if len({_value(settings[key]) if key in settings else "" for settings in configurations}) > 1
    ]


def kind(settings: Settings) -> str:
    """A stack, by its meta-learner, or a run that is trained: their settings have next to nothing in common."""
    return "stack" if "meta" in settings else "run"


def differing_within_kinds(configurations: Sequence[Settings]) -> list[str]:
    """The keys in which configurations differ from others of their kind.

    >>> differing_within_kinds([{"model.backbone": "a"}, {"model.backbone": "b"}, {"meta": "logistic", "runs": "ab"}])
    ['model.backbone']
    """
    kinds = dict.fromkeys(map(kind, configurations))
    found = (differing_keys([one for one in configurations if kind(one) == of_kind]) for of_kind in kinds)
    return list(dict.fromkeys(key for keys in found for key in keys))


def configuration_names(groups: Sequence[Sequence[Settings]], titles: Sequence[Sequence[str]]) -> list[list[str]]:
    """A name for each configuration of each group (those that are ranked together), unlike any other of its group.

    Each kind is named for itself; where names are alike all the same, titles and numbers tell them apart.

    >>> configuration_names([[{"lr": 0.1}, {"lr": 0.2}, {"meta": "logistic"}]], [["demo", "demo", "stack"]])
    [['lr=0.1', 'lr=0.2', 'stack']]
    """
    names = [[""] * len(group) for group in groups]
    for of_kind in dict.fromkeys(kind(settings) for group in groups for settings in group):
        places = [[place for place, settings in enumerate(group) if kind(settings) == of_kind] for group in groups]
        made = _names_of_kind(
            [[group[place] for place in at] for group, at in zip(groups, places, strict=True)],
            [[of_group[place] for place in at] for of_group, at in zip(titles, places, strict=True)],
        )
        for number, at in enumerate(places):
            for place, name in zip(at, made[number], strict=True):
                names[number][place] = name
    if _apart(names):
        return names
    return [
        [f"{title}: {name} ({number})" for number, (title, name) in enumerate(zip(*pair, strict=True), start=1)]
        for pair in zip(titles, names, strict=True)
    ]


def _names_of_kind(groups: Sequence[Sequence[Settings]], titles: Sequence[Sequence[str]]) -> list[list[str]]:
    """A name for each configuration of one kind.

    By the keys in which configurations of a group differ; where these are many, by the `name` that the user gave
    (`titles`), or by as few keys as tell them apart, with how many more there are. One that is alone is called by its
    title.
    """
    different = list(dict.fromkeys(key for group in groups for key in differing_keys(group)))
    common = [key for key in different if all(key in settings for group in groups for settings in group)]
    if not different:
        return [list(of_group) for of_group in titles]
    if len(common) <= MOST_KEYS and _apart(_named(groups, common)):
        return _named(groups, common)
    if _apart(titles):
        return [list(of_group) for of_group in titles]
    chosen = _fewest(groups, different)
    rest = f" (+{len(different) - len(chosen)} keys)" if len(different) > len(chosen) else ""
    return [[name + rest for name in of_group] for of_group in _named(groups, chosen)]


def _fewest(groups: Sequence[Sequence[Settings]], keys: Sequence[str]) -> list[str]:
    """Keys in order, leaving out those that tell no more configurations apart than the ones before them."""
    chosen: list[str] = []
    for key in keys:
        if _count(_named(groups, [*chosen, key])) > _count(_named(groups, chosen)):
            chosen.append(key)
    return chosen


def _named(groups: Sequence[Sequence[Settings]], keys: Sequence[str]) -> list[list[str]]:
    """Names by `keys`; one that has none of them is said to be without."""
    without = f"without {', '.join(keys)}" if keys else ""
    return [[said_settings(settings, keys) or without for settings in group] for group in groups]


def said_settings(settings: Settings, keys: Sequence[str]) -> str:
    """Settings as overrides; what a `_target_` names, by its own name alone.

    >>> said_settings({"loss._target_": "a.b.Focal", "model.hidden": None}, ["loss._target_", "model.hidden"])
    'loss=Focal model.hidden=null'
    """
    return " ".join(
        f"{key.removesuffix('._target_')}={said_value(key, settings[key])}" for key in keys if key in settings
    )


def said_value(key: str, value: object) -> str:
    """A value as it would be written in an override."""
    return str(value).rpartition(".")[2] if key.endswith("_target_") else _value(value)


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _apart(names: Sequence[Sequence[str]]) -> bool:
    return all(len(set(of_group)) == len(of_group) and all(of_group) for of_group in names)


def _count(names: Sequence[Sequence[str]]) -> int:
    return sum(len(set(of_group)) for of_group in names)
