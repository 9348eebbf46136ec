"""The space of a search: what each key of the config may be, as Optuna's distributions.

A choice is kept as the text that stands behind `key=` on a command line, so that groups (model=resnet18), lists and
nothing (null) are choices like any other, and a study can be read back from any storage.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from ser_lightning.errors import UserError, did_you_mean

RANGE_KEYS = ("low", "high", "log", "step")
PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
"""What a command line takes for a string without quotes, unless it is one of WORDS."""
ESCAPED = re.compile(r"(\\*)'")
"""A quote within quotes; backslashes count as such only before one."""
WORDS = ("true", "false", "null", "nan", "inf", "none")
Value = str | int | float


def read_space(space: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Distributions from YAML: a list is a choice, `{low, high}` a range, of integers where both are.

    `log: true` draws a range in its logarithm, `step` in steps from `low`. Raises UserError with all that is wrong.

    >>> read_space({"optimizer.lr": {"low": 0.001, "high": 0.1, "log": True}, "data.batch_size": [16, 32]})
    {'optimizer.lr': FloatDistribution(high=0.1, log=True, low=0.001, step=None), \
'data.batch_size': CategoricalDistribution(choices=('16', '32'))}
    """
    found: dict[str, BaseDistribution] = {}
    problems = []
    for key, node in space.items():
        try:
            found[str(key)] = choice(node) if isinstance(node, Sequence) and not isinstance(node, str) else _range(node)
        except ValueError as error:
            problems.append(f"hydra.sweeper.params.{key}: {error}")
    if problems:
        raise UserError(problems)
    return found


def choice(values: Sequence[Any]) -> CategoricalDistribution:
    """One of some values; raises ValueError where there are none or one stands twice."""
    texts = [as_text(value) for value in values]
    if not texts:
        raise ValueError("a choice needs a value")
    if len(set(texts)) < len(texts):
        raise ValueError(f"a value stands twice in {', '.join(texts)}")
    return CategoricalDistribution(texts)


def between(
    low: float, high: float, *, log: bool = False, step: float | None = None
) -> IntDistribution | FloatDistribution:
    """A range, both ends included; of integers where both are. Raises ValueError as Optuna does."""
    if log and step is not None:
        raise ValueError("log and step exclude each other")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log, step=1 if step is None else int(step))
    return FloatDistribution(float(low), float(high), log=log, step=step)


def _range(node: object) -> IntDistribution | FloatDistribution:
    if not isinstance(node, Mapping) or not {"low", "high"} <= node.keys():
        raise ValueError("a list of values is needed, or a range such as {low: 1e-4, high: 1e-2, log: true}")
    for key in node:
        if key not in RANGE_KEYS:
            raise ValueError(f"a range has no '{key}'{did_you_mean(str(key), RANGE_KEYS)}")
    if wrong := [key for key in ("low", "high", "step") if not _is_number(node.get(key, 0))]:
        raise ValueError(f"{wrong[0]} must be a number, it is {node[wrong[0]]!r} (YAML reads 1e-4 as text: 1.0e-4)")
    return between(node["low"], node["high"], log=bool(node.get("log", False)), step=node.get("step"))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Any) -> str:
    """A value as it stands behind `key=` on a command line.

    >>> as_text(None), as_text(True), as_text(0.5), as_text("resnet18"), as_text("a b"), as_text(["x", 1]), as_text("1")
    ('null', 'true', '0.5', 'resnet18', "'a b'", '[x,1]', "'1'")
    """
    if isinstance(value, str):
        plain = PLAIN.fullmatch(value) and value.lower() not in WORDS
        return value if plain else "'" + ESCAPED.sub(r"\1\1\\'", value + "'")[:-2] + "'"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{as_text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(as_text(inner) for inner in value) + "]"
    return json.dumps(value)


def overrides(params: Mapping[str, Value]) -> list[str]:
    """The words of a command line for a point of the space.

    >>> overrides({"model": "resnet18", "optimizer.lr": 0.0012})
    ['model=resnet18', 'optimizer.lr=0.0012']
    """
    return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in params.items()]


def corners(space: Mapping[str, BaseDistribution]) -> list[dict[str, Value]]:
    """Points that have every choice and both ends of every range at least once, to be checked before any is run.

    >>> corners({"a": IntDistribution(1, 9), "b": CategoricalDistribution(["x", "y", "z"])})
    [{'a': 1, 'b': 'x'}, {'a': 9, 'b': 'y'}, {'a': 1, 'b': 'z'}]
    """
    ends = {key: _ends(distribution) for key, distribution in space.items()}
    count = max((len(values) for values in ends.values()), default=0)
    return [{key: values[number % len(values)] for key, values in ends.items()} for number in range(count)]


def _ends(distribution: BaseDistribution) -> list[Value]:
    if isinstance(distribution, CategoricalDistribution):
        return [str(text) for text in distribution.choices]
    assert isinstance(distribution, IntDistribution | FloatDistribution), "the three of Optuna"
    return [distribution.low, distribution.high]


def num_points(space: Mapping[str, BaseDistribution]) -> int | None:
    """How many points a space has; None where a range of it is continuous.

    >>> num_points({"a": IntDistribution(1, 3), "b": CategoricalDistribution(["x", "y"])})
    6
    """
    total = 1
    for distribution in space.values():
        if isinstance(distribution, CategoricalDistribution):
            total *= len(distribution.choices)
        elif isinstance(distribution, IntDistribution):
            total *= (distribution.high - distribution.low) // distribution.step + 1
        elif isinstance(distribution, FloatDistribution) and distribution.step is not None:
            total *= round((distribution.high - distribution.low) / distribution.step) + 1
        else:
            return None
    return total
