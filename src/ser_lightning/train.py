"""`python -m ser_lightning.train`: train a model, test its best checkpoint, and leave a run directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train(config: DictConfig) -> str:
    """Train as configured, in Hydra's run directory, whose path it returns."""
    import os
    from pathlib import Path

    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from ser_lightning.config import plain
    from ser_lightning.errors import UserError
    from ser_lightning.processes import check_one_folder
    from ser_lightning.resuming import resumed_config
    from ser_lightning.run import train_run

    state = HydraConfig.get()
    multirun = state.mode is RunMode.MULTIRUN
    settings, run_dir = plain(config), Path(state.runtime.output_dir)
    number = settings.pop("trial")
    check_one_folder(os.environ, [*state.overrides.hydra, *state.overrides.task])
    if settings.pop("resume") is not None:
        if multirun:
            raise UserError("resume= goes on with one run; the same command with -m goes on with a multirun")
        settings = resumed_config(run_dir, list(state.overrides.task))
    trial = None
    if number is not None:
        from ser_lightning.search.trial import watched_trial

        if not multirun:
            raise UserError("trial= is set by a search, python -m ser_lightning.train +sweep=search")
        trial = watched_trial(Path(state.sweep.dir), number)
    train_run(settings, run_dir, sweep=Path(state.sweep.dir).name if multirun else None, trial=trial)
    return str(run_dir)


if __name__ == "__main__":
    run_command(train, "train")
