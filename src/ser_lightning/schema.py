"""The constructor is the schema: a config node is checked against the signature of its `_target_`.

Keyword-only parameters are what a config may set, with the types and ranges that their annotations state (pydantic
reads them, strictly: a number in quotes is no number); positional ones are handed over at run time. All that is wrong
is listed, nothing is built.
"""

from __future__ import annotations

import importlib
import inspect
import json
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pydantic

from ser_lightning.errors import did_you_mean

Node = Mapping[str, Any]
HYDRA_KEYS = frozenset({"_target_", "_partial_", "_convert_", "_recursive_"})


def node_problems(path: str, node: Node) -> list[str]:
    """What is wrong with a node that has a `_target_`, and with all nodes within it; paths as in overrides."""
    try:
        target = find_target(str(node["_target_"]))
    except ValueError as error:
        return [f"{path}._target_: {error}"]
    values = {str(key): value for key, value in node.items() if key not in HYDRA_KEYS}
    return value_problems(path, values, target)


def value_problems(path: str, values: Node, target: Callable[..., Any]) -> list[str]:
    """What is wrong with `values` as keyword arguments of `target`."""
    annotations = _annotations(target)
    keyword = {
        name: parameter
        for name, parameter in inspect.signature(target).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    problems = []
    for name, value in values.items():
        if name not in keyword:
            problems.append(f"{_join(path, name)}: no such key{did_you_mean(name, keyword)}")
        elif _holds_target(value):
            problems += _nested_problems(_join(path, name), value)
        else:
            problems += _type_problems(_join(path, name), value, annotations[name])
    missing = [name for name, p in keyword.items() if p.default is inspect.Parameter.empty and name not in values]
    return problems + [f"{_join(path, name)}: must be set" for name in missing]


def find_target(name: str) -> Callable[..., Any]:
    """The class or function at a dotted path; raises ValueError that says which part does not exist."""
    module_name, _, attribute = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError):
        parent = module_name.rpartition(".")[0] or module_name
        raise ValueError(f"there is no module '{module_name}'{_module_hint(module_name, parent)}") from None
    public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    if attribute not in vars(module):
        raise ValueError(f"'{module_name}' has no '{attribute}'{did_you_mean(attribute, public)}")
    target = vars(module)[attribute]
    if not callable(target):
        raise ValueError(f"'{name}' cannot be called, a class or a function is needed")
    return typing.cast("Callable[..., Any]", target)


def targets_within(node: object) -> set[str]:
    """Every `_target_` at any depth of plain values.

    >>> targets_within({"a": [{"_target_": "os.system"}], "b": 1})
    {'os.system'}
    """
    if isinstance(node, Mapping):
        own = {str(node["_target_"])} if "_target_" in node else set[str]()
        return own.union(*(targets_within(value) for value in node.values()))
    if isinstance(node, (list, tuple)):
        return set[str]().union(*(targets_within(value) for value in node))
    return set()


def _module_hint(name: str, parent: str) -> str:
    import pkgutil

    try:
        package = importlib.import_module(parent)
        paths = list(package.__path__)
    except (ImportError, AttributeError):
        return ""
    return did_you_mean(name, [f"{parent}.{info.name}" for info in pkgutil.iter_modules(paths)])


def _annotations(target: Callable[..., Any]) -> dict[str, Any]:
    function = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
    return typing.get_type_hints(function, include_extras=True)


def _holds_target(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    return "_target_" in value or any(_holds_target(inner) for inner in value.values())


def _nested_problems(path: str, value: Node) -> list[str]:
    if "_target_" in value:
        return node_problems(path, value)
    problems = []
    for key, inner in value.items():
        if isinstance(inner, Mapping) and _holds_target(inner):
            problems += _nested_problems(f"{path}.{key}", inner)
        elif inner is not None:
            problems.append(f"{path}.{key}={_shown(inner)}: a _target_ is needed, or null to switch it off")
    return problems


def _type_problems(path: str, value: object, annotation: Any) -> list[str]:
    config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(
        annotation, config=None if inspect.isclass(annotation) else config
    )
    try:
        adapter.validate_json(json.dumps(value), strict=True)
    except pydantic.ValidationError as error:
        reasons = dict.fromkeys(_reason(detail) for detail in error.errors(include_url=False))
        return [f"{path}={_shown(value)}: {' or '.join(reasons)}"]
    return []


def _reason(detail: Any) -> str:
    cause = (detail.get("ctx") or {}).get("error")
    text = str(cause) if isinstance(cause, Exception) else str(detail["msg"])
    return text[:1].lower() + text[1:]


def _shown(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
