"""Optuna's samplers and pruners by name, with their own options."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from ser_lightning.errors import UserError, did_you_mean

SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "tpe": optuna.samplers.TPESampler,
    "cmaes": optuna.samplers.CmaEsSampler,
    "gp": optuna.samplers.GPSampler,
    "nsga2": optuna.samplers.NSGAIISampler,
    "qmc": optuna.samplers.QMCSampler,
    "random": optuna.samplers.RandomSampler,
}
PRUNERS: dict[str, Callable[..., BasePruner]] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "percentile": optuna.pruners.PercentilePruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "successive_halving": optuna.pruners.SuccessiveHalvingPruner,
}


def make_sampler(options: Mapping[str, Any], *, num_before: int) -> BaseSampler:
    """The sampler of `name` with its options; raises UserError.

    `num_before` trials are there already: a seed is theirs no more, as it would propose the same points again.
    """
    seeded = {**options, "seed": options["seed"] + num_before} if isinstance(options.get("seed"), int) else {**options}
    sampler: BaseSampler = _made("sampler", SAMPLERS, seeded)
    return sampler


def make_pruner(options: Mapping[str, Any]) -> BasePruner:
    """The pruner of `name` with its options; raises UserError."""
    pruner: BasePruner = _made("pruner", PRUNERS, options)
    return pruner


def _made(what: str, known: Mapping[str, Callable[..., Any]], options: Mapping[str, Any]) -> Any:
    """Optuna's object, with what it says against the options as a message of ours."""
    path, name = f"hydra.sweeper.{what}", str(options.get("name"))
    if name not in known:
        raise UserError(f"{path}.name={name}: there is no such {what}{did_you_mean(name, known)}")
    given = {key: value for key, value in options.items() if key != "name"}
    taken = inspect.signature(known[name]).parameters
    if unknown := [key for key in given if key not in taken]:
        raise UserError([f"{path}.{key}: '{name}' has no such option{did_you_mean(key, taken)}" for key in unknown])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return known[name](**given)
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error
