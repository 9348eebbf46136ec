"""A trained model from its run directory, by the checkpoint alone.

A run directory may be a stranger's: the checkpoint is read as plain values and tensors, the network and the frontend
are built from these by our own constructors, and nothing that a file names is ever imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import torch
from annotated_types import Gt, Interval, MinLen
from torch import Tensor, nn

from ser_lightning.data.store import TAIL_SECONDS
from ser_lightning.errors import UserError
from ser_lightning.frontend.frontend import Frontend
from ser_lightning.models.backbone import BackboneName
from ser_lightning.models.network import EmotionNetwork, emotion_network
from ser_lightning.run_names import CHECKPOINT
from ser_lightning.schema import targets_within, value_problems

MOST_NAMED = 3


@dataclass(frozen=True, eq=False)
class Trained:
    """A network with all that is needed to predict: classes in order, rate (Hz), window, frontend, temperature."""

    labels: tuple[str, ...]
    sample_rate: int
    window_seconds: float
    temperature: float
    network: EmotionNetwork
    frontend: Frontend


@dataclass(frozen=True, kw_only=True)
class Description:
    """The keys of a checkpoint's description; `emotions` says which class each emotion counts as."""

    format: Literal[1]
    labels: Annotated[list[str], MinLen(2)]
    emotions: dict[str, str] = field(default_factory=dict)
    sample_rate: Annotated[int, Gt(0)]
    window_seconds: Annotated[float, Interval(gt=0, le=TAIL_SECONDS)]
    temperature: Annotated[float, Gt(0)]
    frontend: dict[str, Any]
    network: dict[str, Any]


def load_trained(run_dir: Path) -> Trained:
    """The model of a run's best checkpoint, on the CPU.

    Raises UserError where there is none, or where it is damaged or was made by something else.
    """
    path = run_dir / CHECKPOINT
    about, state = read_checkpoint(path)
    try:
        frontend = Frontend(**about.frontend)
        shape = frontend.image_shape(round(about.window_seconds * about.sample_rate))
        network = _network(len(about.labels), shape, **about.network)
    except UserError as error:
        raise UserError([f"{path}: {problem}" for problem in error.problems]) from error
    # As in training: the order in memory decides how a convolution rounds.
    network.to(memory_format=torch.channels_last)
    _load(nn.ModuleDict({"network": network, "frontend": frontend}), state, path)
    return Trained(
        tuple(about.labels), about.sample_rate, about.window_seconds, about.temperature, network.eval(), frontend
    )


def read_checkpoint(path: Path, *, lazily: bool = False) -> tuple[Description, dict[str, Tensor]]:
    """The checked description of a checkpoint, and the tensors of its network and frontend; `lazily` maps these."""
    if not path.is_file():
        raise UserError(f"{path} is not there; name the directory of a run that was trained, or stacked")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=lazily)
    except Exception as error:  # an unpickler fails on damaged or foreign bytes in any way
        reason = (str(error).partition("\n")[0].partition(".")[0] or type(error).__name__)[:200]
        raise UserError(f"{path} is no checkpoint of plain values and tensors, it was not loaded: {reason}") from error
    if not isinstance(checkpoint, dict) or not {"recognizer", "state_dict"} <= checkpoint.keys():
        raise UserError(f"{path} is no checkpoint of ser_lightning: it lacks `recognizer` or `state_dict`")
    problems = _description_problems(checkpoint["recognizer"])
    if problems:
        raise UserError([f"{path}: {problem}" for problem in problems])
    state = checkpoint["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: state_dict must hold tensors by name")
    return Description(**checkpoint["recognizer"]), cast("dict[str, Tensor]", state)


def _network(
    num_classes: int,
    image_shape: tuple[int, int, int],
    *,
    backbone: BackboneName,
    hidden: Annotated[int, Gt(0)],
    dropout: Annotated[float, Interval(ge=0, lt=1)],
    bn_eps: Annotated[float, Gt(0)] | None = None,
) -> EmotionNetwork:
    """What a description may say of a network: no file of weights, no download."""
    return emotion_network(
        num_classes, image_shape, backbone=backbone, hidden=hidden, dropout=dropout, bn_eps=bn_eps, pretrained=False
    )


def _description_problems(about: object) -> list[str]:
    """What is wrong with a description, checked against our constructors; a `_target_` in it is never looked up."""
    if not isinstance(about, Mapping):
        return ["recognizer must hold the description of a model by name"]
    try:
        json.dumps(about)
    except (TypeError, ValueError) as error:
        return [f"recognizer must hold plain values: {error}"]
    if foreign := targets_within(about):
        return [f"recognizer names {', '.join(sorted(foreign))}, and nothing that a checkpoint names is built"]
    problems = value_problems("recognizer", about, Description)
    for key, target in (("frontend", Frontend), ("network", _network)):
        if isinstance(about.get(key), Mapping):
            problems += value_problems(f"recognizer.{key}", about[key], target)
    return problems


def _load(model: nn.ModuleDict, state: Mapping[str, Tensor], path: Path) -> None:
    """Load the tensors named network. and frontend.; UserError where any is missing, unknown or of another shape."""
    wanted = model.state_dict()
    found = {name: value for name, value in state.items() if name.startswith(("network.", "frontend."))}
    odd = {
        "lacks": [name for name in wanted if name not in found],
        "has, unknown to this network,": [name for name in found if name not in wanted],
        "has in another shape": [n for n, value in found.items() if n in wanted and value.shape != wanted[n].shape],
    }
    problems = [f"{path} {what} {_few(names)}" for what, names in odd.items() if names]
    if problems:
        raise UserError([f"{problem}; it is not of the network that it describes" for problem in problems])
    model.load_state_dict(found)


def _few(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
