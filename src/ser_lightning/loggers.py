"""Loggers besides log.csv, which is always written: TensorBoard and Weights & Biases."""

from __future__ import annotations

import netrc
import os
import socket
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pytorch_lightning.loggers import TensorBoardLogger, WandbLogger

from ser_lightning.errors import UserError
from ser_lightning.terminal import err

WANDB_URL = "https://api.wandb.ai"
CONNECT_SECONDS = 3.0


def tensorboard(run_dir: Path, _run_name: str) -> TensorBoardLogger:
    """Event files in <run>/tensorboard; raises UserError where TensorBoard is not installed."""
    try:
        return TensorBoardLogger(run_dir, name="tensorboard", version="")
    except ModuleNotFoundError as error:
        raise UserError("logger=tensorboard needs the extra: pip install 'ser-lightning[tensorboard]'") from error


def wandb(
    run_dir: Path,
    run_name: str,
    *,
    project: str = "ser_lightning",
    entity: str | None = None,
    mode: Literal["auto", "online", "offline"] = "auto",
) -> WandbLogger:
    """A W&B run that never blocks or prompts: `auto` is offline without a key or a network, and says so."""
    reason = "asked for" if mode == "offline" else wandb_offline_reason()
    if mode == "online" and reason:
        raise UserError(f"logger.wandb.mode=online: {reason}; run `wandb login`, or use mode=auto")
    if reason:
        err.print(f"W&B runs offline ({reason}); upload later with: wandb sync {run_dir}/wandb/offline-run-*")
    return WandbLogger(
        name=f"{run_name}/{run_dir.name}",
        save_dir=run_dir,
        project=project,
        entity=entity,
        offline=bool(reason),
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
