"""When Hydra cannot compose a command line: all that is wrong with it, not only the first.

Hydra stops at its first error. Here the overrides are tried one after another, those that fail are told, and the
config that the rest gives is checked like any other.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from ser_lightning.cli import conf_dir
from ser_lightning.config import (
    DescribeSettings,
    EvaluateSettings,
    PredictSettings,
    PrepareSettings,
    StackSettings,
    SummarizeSettings,
    TrainSettings,
    plain,
)
from ser_lightning.downloads.command import check_download
from ser_lightning.errors import UserError, did_you_mean
from ser_lightning.launchers import launcher_problem

SETTINGS: dict[str, type] = {
    "train": TrainSettings,
    "prepare": PrepareSettings,
    "describe": DescribeSettings,
    "evaluate": EvaluateSettings,
    "predict": PredictSettings,
    "summarize": SummarizeSettings,
    "stack": StackSettings,
}
AMBIGUOUS = "Ambiguous value"
"""How Hydra begins where `key=a,b` is given without -m."""
COMPOSE_ERRORS = (HydraException, OmegaConfBaseException)


def composition_problems(arguments: list[str], config_name: str, error: Exception) -> list[str]:
    """All problems of a command line that Hydra refused with `error`."""
    parsed = get_args_parser().parse_args(arguments)
    overrides = parsed.overrides
    problems = [_short(error)] if str(error).startswith(AMBIGUOUS) else []
    kept = [f"hydra.searchpath=['file://{Path(parsed.config_dir).absolute()}']"] if parsed.config_dir else []
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for override in overrides:
            try:
                # "++" lets an unknown key through Hydra, so that the config check can name it and its neighbours.
                kept += _tried(config_name, kept, _first_of_sweep(override))
            except COMPOSE_ERRORS as reason:
                problems.append(f"{override}: {_short(reason)}")
        try:
            config = plain(compose(config_name, kept))
        except (*COMPOSE_ERRORS, UserError) as reason:
            return problems or [_short(reason)]
    try:
        if config_name == "download":
            check_download(config)
        else:
            from ser_lightning.build import check  # torch takes seconds, and a download needs none of it

            check(config, SETTINGS[config_name])
    except UserError as wrong:
        problems += wrong.problems
    return problems or [_short(error)]


def _tried(config_name: str, kept: list[str], override: str) -> list[str]:
    """The override, or the same with `++` where only its key is unknown; raises what Hydra raises."""
    try:
        compose(config_name, [*kept, override])
    except COMPOSE_ERRORS:
        if override[:1] in "+~" or "=" not in override or "@" in override:
            raise
        _composed(config_name, [*kept, f"++{override}"], override)
        return [f"++{override}"]
    return [override]


def _composed(config_name: str, overrides: list[str], override: str) -> DictConfig:
    """Compose with an added key, unless the key names a group: then its value, not the key, is wrong."""
    if "." not in override.split("=")[0] and (conf_dir() / override.split("=")[0]).is_dir():
        return compose(config_name, [*overrides[:-1], override])
    return compose(config_name, overrides)


def _first_of_sweep(override: str) -> str:
    """The first value of `key=a,b`; any other override as it is. Raises what Hydra raises where it cannot be read."""
    [parsed] = OverridesParser.create().parse_overrides([override])
    if not parsed.is_sweep_override():
        return override
    return f"{parsed.key_or_group}={next(iter(parsed.sweep_string_iterator()))}"


def _unreadable(override: str) -> str:
    """What to do about a word of the command line that is no override.

    >>> _unreadable("runs=[a,b")
    'a bracket is opened and not closed, or the other way round'
    """
    key, equals, value = override.partition("=")
    if not equals:
        return f"a path or a word alone says nothing: key=value is needed, such as run={key}"
    if any(value.count(a) != value.count(b) for a, b in ("[]", "{}")):
        return "a bracket is opened and not closed, or the other way round"
    return f"cannot be read as key=value; put the value in quotes: \"{key}='{value}'\""


def _short(error: Exception) -> str:
    """Hydra's message in one line; a missing option is answered with the nearest."""
    text = str(error)
    if isinstance(error, UserError):
        return text
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override)
    if text.startswith(AMBIGUOUS):
        override = text.split("'")[1]
        return f"{override}: several values; a list needs brackets, in quotes ('runs=[A,B]'), a multirun needs -m"
    missing = re.search(r"Could not find '([^']+)'\s+Available options in '[^']*':\s+(.*)", text, re.DOTALL)
    if missing:
        options = missing[2].partition("Config search path")[0].split()
        group, _, option = missing[1].rpartition("/")
        if group == "hydra/launcher" and (problem := launcher_problem(option)):
            return problem
        return f"there is no {group} '{option}'{did_you_mean(option, options)}"
    cause: Any = error.__cause__
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    reason = f" ({str(cause).splitlines()[0]})" if cause is not None and str(cause) and str(cause) not in text else ""
    return (lines[0] if lines else type(error).__name__) + reason
