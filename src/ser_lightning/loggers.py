"""Loggers besides log.csv, which is always written: TensorBoard and Weights & Biases."""

from __future__ import annotations

import netrc
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from annotated_types import Len
from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

from ser_lightning.errors import UserError
from ser_lightning.terminal import err

WANDB_URL = "https://api.wandb.ai"
CONNECT_SECONDS = 3.0
LONGEST_TAG = 64
"""Characters, as W&B allows."""


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """What a logger is told of its run; `sweep` is the name of the multirun that it is a job of, or None.

    A run that was broken off goes on under its `id`; without one it has a new one.
    """

    folder: Path
    name: str
    sweep: str | None
    tags: tuple[str, ...]
    id: str | None = None


class EpochsFromOne(WandbLogger):
    """Counts epochs from 1, as log.csv and the report do; Lightning counts from 0."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log with the epoch's number where it is among the metrics."""
        counted = dict(metrics)
        if "epoch" in counted:
            counted["epoch"] += 1
        super().log_metrics(counted, step)


def tensorboard(run: LoggedRun) -> TensorBoardLogger:
    """Event files in <run>/tensorboard; raises UserError where TensorBoard is not installed."""
    try:
        return TensorBoardLogger(run.folder, name="tensorboard", version="")
    except ModuleNotFoundError as error:
        raise UserError("logger=tensorboard needs the extra: pip install 'ser-lightning[tensorboard]'") from error


def wandb(
    run: LoggedRun,
    *,
    project: str = "ser_lightning",
    entity: str | None = None,
    group: str | None = None,
    tags: Sequence[Annotated[str, Len(1, LONGEST_TAG)]] = (),
    mode: Literal["auto", "online", "offline"] = "auto",
) -> WandbLogger:
    """A W&B run that never blocks or prompts: `auto` is offline without a key or a network, and says so.

    Without a `group` it is in that of its multirun; `tags` are added to what it is about anyway.
    """
    reason = "asked for" if mode == "offline" else wandb_offline_reason()
    if mode == "online" and reason:
        raise UserError(f"logger.wandb.mode=online: {reason}; run `wandb login`, or use mode=auto")
    if reason:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # its service would send its own errors even offline
        err.print(f"W&B runs offline ({reason}); how to upload the run is told when it is done")
    return EpochsFromOne(
        name=f"{run.name}/{run.folder.name}",
        version=run.id,
        save_dir=run.folder,
        project=project,
        entity=entity,
        group=group or run.sweep,
        job_type="train",
        tags=list(dict.fromkeys(tag[:LONGEST_TAG] for tag in (*run.tags, *tags))),
        offline=bool(reason),
        # Said again, because Lightning leaves WANDB_MODE set for the jobs after an offline one.
        mode="offline" if reason else "online",
        log_model=False,
    )


def wandb_offline_reason() -> str:
    """Why W&B cannot be online: WANDB_MODE, no key, or no network; empty where it can."""
    if os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        return f"WANDB_MODE={os.environ['WANDB_MODE']}"
    url = urlsplit(os.environ.get("WANDB_BASE_URL", WANDB_URL))
    host = url.hostname or ""
    if not os.environ.get("WANDB_API_KEY") and not _in_netrc(host):
        return "no API key"
    try:
        socket.create_connection((host, url.port or (80 if url.scheme == "http" else 443)), CONNECT_SECONDS).close()
    except OSError:
        return f"no connection to {host}"
    return ""


def _in_netrc(host: str) -> bool:
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
