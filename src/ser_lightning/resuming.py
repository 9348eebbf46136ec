"""Going on with a run that was broken off: what its folder says, and what a command line may add to it.

A run directory may be a stranger's, so that only what our own configs name is built from its config.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ser_lightning.cli import conf_dir
from ser_lightning.errors import UserError
from ser_lightning.run_state import (
    CONFIG,
    LAST_WRITTEN,
    RunState,
    config_hash,
    num_epochs,
    read_config,
    run_state,
    write_config,
)
from ser_lightning.schema import targets_within

EPOCHS = "trainer.max_epochs"


def resumed_config(run_dir: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """The config of the run in `run_dir`, with the number of epochs that `overrides` give it.

    More epochs than it has had open a finished run again. Raises UserError.
    """
    config = read_config(run_dir)
    foreign = targets_within(config) - our_targets()
    others = [override for override in overrides if override.split("=")[0] not in ("resume", EPOCHS)]
    problems = [f"{override}: resume= takes everything from the run, only {EPOCHS} may be given" for override in others]
    if foreign:
        problems.append(
            f"{run_dir / CONFIG} names {', '.join(sorted(foreign))}, and what is not ours is not built from a run's "
            f"folder; the command that began the run goes on too, with hydra.run.dir={run_dir}"
        )
    given = [override.split("=", 1)[1] for override in overrides if override.startswith(f"{EPOCHS}=")]
    if given and not problems:
        problems = _extend(run_dir, config, yaml.safe_load(given[-1]))
    if problems:
        raise UserError(problems)
    return config


def our_targets() -> set[str]:
    """Every `_target_` that the configs of this package name."""
    files = conf_dir().rglob("*.yaml")
    return set[str]().union(*(targets_within(yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files))


def check_same(run_dir: Path, config: Mapping[str, Any]) -> None:
    """Raise UserError where `run_dir` holds a run of another config."""
    if config_hash(read_config(run_dir)) != config_hash(config):
        raise UserError(
            f"{run_dir} holds a run of another configuration, which is not overwritten; choose another name="
        )


def clean_up(run_dir: Path) -> None:
    """Remove what a kill left half-written."""
    for stale in run_dir.rglob(".*.tmp"):
        stale.unlink(missing_ok=True)


def _extend(run_dir: Path, config: dict[str, Any], epochs: object) -> list[str]:
    """Set the number of epochs, in the folder's config too; what is wrong with it."""
    had, planned, finished = (
        num_epochs(run_dir),
        config["trainer"]["max_epochs"],
        run_state(run_dir) is RunState.FINISHED,
    )
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
        return [f"{EPOCHS}={epochs}: a number of epochs is needed"]
    if epochs < had:
        return [f"{EPOCHS}={epochs}: {run_dir} has trained {had} epochs already"]
    if finished and had < planned:
        return [f"{EPOCHS}={epochs}: {run_dir} stopped early, after {had} of {planned} epochs, and trains no further"]
    if finished and epochs > planned:
        for name in LAST_WRITTEN:
            (run_dir / name).unlink()
    config["trainer"]["max_epochs"] = epochs
    write_config(run_dir, config)
    return []
