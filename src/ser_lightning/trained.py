"""A trained model from its run directory, and what it predicts.

A run directory may be a stranger's: the checkpoint is read as plain values and tensors, the network and the frontend
are built from these by our own constructors, and nothing that a file names is ever imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import polars as pl
import torch
import yaml
from annotated_types import Gt, Interval, MinLen
from jaxtyping import Float, Float32
from torch import Tensor, nn

from ser_lightning.augment.pipeline import Augment
from ser_lightning.data.module import SpeechData
from ser_lightning.data.store import TAIL_SECONDS, Store
from ser_lightning.errors import UserError
from ser_lightning.evaluation.calibration import calibrated
from ser_lightning.frontend.frontend import Frontend
from ser_lightning.inference import predict_rows
from ser_lightning.meta.members import CHECKPOINT, STACK_FILE
from ser_lightning.meta.stack_file import Kind
from ser_lightning.models.backbone import BackboneName
from ser_lightning.models.network import EmotionNetwork, emotion_network
from ser_lightning.schema import value_problems

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
    about, state = _read(path)
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


def kind_of(run_dir: Path) -> Kind:
    """The classes and the rate of a run's model, without reading its weights; raises UserError as `load_trained`."""
    about, _ = _read(run_dir / CHECKPOINT, lazily=True)
    return Kind(tuple(about.labels), about.sample_rate)


def predict_run(
    run_dir: Path, table: pl.DataFrame, store: Store, *, device: torch.device, batch_size: int | None
) -> Float32[np.ndarray, "clip class"]:
    """The calibrated probabilities of each row of `table` (columns clip, offset, length), in its order.

    `batch_size` counts windows; without one it is that of each training. A stack asks its members. Raises UserError
    as `load_trained` does.
    """
    if is_stack(run_dir):
        from ser_lightning.stacked import predict_stack

        ask = partial(predict_run, device=device, batch_size=batch_size)
        stacked: Float32[np.ndarray, "clip class"] = predict_stack(run_dir, table, store, predict=ask, kind_of=kind_of)
        return stacked
    num_windows = batch_size or training_batch_size(run_dir)
    made = predict_trained(load_trained(run_dir), table, store, device=device, batch_size=num_windows)
    return made.astype(np.float32)


def predict_trained(
    trained: Trained, table: pl.DataFrame, store: Store, *, device: torch.device, batch_size: int
) -> Float[np.ndarray, "clip class"]:
    """The calibrated probabilities of each row of `table`, as in the pass that ends a training, in float64.

    Raises UserError where the store has another rate than the model.
    """
    if store.rate != trained.sample_rate:
        raise UserError(f"the model was trained at {trained.sample_rate} Hz, the audio is prepared at {store.rate} Hz")
    num_classes = len(trained.labels)
    data = SpeechData(
        table.with_columns(part=pl.lit("test")),
        store,
        np.zeros((len(table), num_classes), dtype=np.float32),
        trained.frontend,
        Augment(),
        seed=0,
        batch_size=batch_size,
        window_seconds=trained.window_seconds,
        resident=False,
    )
    rows, probabilities = predict_rows(
        trained.network, data, np.arange(len(table)), num_classes=num_classes, device=device
    )
    assert len(rows) == len(table), "every clip has a window"
    return calibrated(probabilities.numpy(), trained.temperature)


def is_stack(run_dir: Path) -> bool:
    """Whether a run directory holds several models under a meta-learner."""
    return (run_dir / STACK_FILE).exists()


def training_batch_size(run_dir: Path) -> int:
    """How many windows at a time made the run's predictions: the same number gives the same to the last digit.

    Raises UserError where the run's config does not say it.
    """
    path = run_dir / "config.yaml"
    try:
        return int(yaml.safe_load(path.read_text(encoding="utf-8"))["data"]["batch_size"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} does not say data.batch_size; give batch_size=, such as batch_size=32") from error


def choose_device(name: Literal["auto", "cpu", "gpu"]) -> torch.device:
    """The device to predict on; `auto` is the GPU where there is one. Raises UserError where `gpu` finds none."""
    there = torch.cuda.is_available()
    if name == "gpu" and not there:
        raise UserError("device=gpu needs a GPU that torch can use, there is none; use device=auto or device=cpu")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


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


def _read(path: Path, *, lazily: bool = False) -> tuple[Description, dict[str, Tensor]]:
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
