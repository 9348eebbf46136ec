"""Checked config -> objects. The only caller of Hydra's instantiate."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hydra.errors
import numpy as np
import numpy.typing as npt
import polars as pl
import pytorch_lightning
import torch
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.loggers import Logger

from ser_lightning.config import config_problems
from ser_lightning.data.clips import Clips, load_clips, with_labels
from ser_lightning.data.leaks import UNCHECKED, Leaks, find_leaks, leak_notes
from ser_lightning.data.module import SpeechData
from ser_lightning.data.protocol import Protocol, absent_classes, protocol
from ser_lightning.data.splits.base import Split, Splitter
from ser_lightning.data.targets import class_targets, unlearned_votes
from ser_lightning.emotions import LabelSet, label_set
from ser_lightning.errors import UserError
from ser_lightning.learned_labels import learned_label_set
from ser_lightning.loggers import LoggedRun
from ser_lightning.models.sync_batchnorm import synchronised
from ser_lightning.processes import started
from ser_lightning.stopping import StopRequest
from ser_lightning.strategy import Spread, choose_spread
from ser_lightning.task import EmotionTask

Config = Mapping[str, Any]


@dataclass(frozen=True)
class RunData:
    """The split clips of a run: `table` has a row a clip with its part; `targets` [clip class] what is learned."""

    clips: Clips
    table: pl.DataFrame
    targets: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    leaks: Leaks
    protocol: Protocol


def check(config: Config, settings: type) -> None:
    """Raise UserError with every problem of a config that can be seen before data are read."""
    problems = config_problems(config, settings)
    for key in ("corpus", "split"):
        if key in config and not any(problem.startswith(f"{key}.") for problem in problems):
            try:
                built(config[key])
            except UserError as error:
                problems += error.problems
    if problems:
        raise UserError(problems)


def built(node: Config, *args: object, **kwargs: object) -> Any:
    """The object that a node describes; errors of its constructor come as they are."""
    try:
        return instantiate(dict(node), *args, _convert_="all", **kwargs)
    except hydra.errors.InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, (ValueError, MisconfigurationException)) and not isinstance(cause, UserError):
            raise UserError(str(cause)) from error
        raise (cause or error) from None


def build_clips(config: Config) -> Clips:
    """Scan and prepare the corpus; raises UserError."""
    return load_clips(
        built(config["corpus"]),
        cache_dir=Path(config["cache_dir"]).expanduser(),
        rate=config["sample_rate"],
        skip_bad=config["on_bad_audio"] == "skip",
    )


def spread_of(config: Config) -> Spread:
    """How the run is spread over devices; raises UserError with all that cannot be."""
    keys = ("accelerator", "devices", "num_nodes", "strategy", "sync_batchnorm")
    trainer, frozen = config["trainer"], config["model"]["freeze_epochs"]
    undivided = [f"model.freeze_epochs={frozen}"] if frozen else []
    undivided += [f"trainer.compile={trainer['compile']}"] if trainer["compile"] else []
    undivided += ["trainer.precision=16-mixed"] if trainer["precision"] == "16-mixed" else []
    return choose_spread(started(os.environ), undivided=undivided, **{key: trainer[key] for key in keys})


def build_data(config: Config, *, compare_parts: bool = True) -> RunData:
    """Clips, labels, split, leak check and protocol; raises UserError.

    Without `compare_parts` the leak check is left out, as another process does it.
    """
    clips = build_clips(config)
    emotions = clips.table["emotion"]
    labels = label_set(config["label_set"], emotions.unique())
    clips = with_labels(clips, labels)
    splitter: Splitter = built(config["split"])
    split = splitter.split(clips.table)
    clips, table = _in_parts(clips, split)
    leaks = UNCHECKED
    if compare_parts:
        leaks = find_leaks(table, clips.twins, policy=config["leaks"], num_copies=clips.num_copies)
    shuffled = config["shuffle_train_labels"]
    return RunData(
        clips=clips,
        table=table,
        targets=class_targets(table, labels, shuffle_seed=config["seed"] if shuffled else None),
        labels=labels.labels,
        leaks=leaks,
        protocol=protocol(
            table,
            emotions=emotions,
            labels=labels,
            splitter=splitter,
            split=split,
            origins=clips.origins,
            absent=absent_classes(table, labels),
            shared_audio=leaks.shared_audio,
            notes=(*split.notes, *leak_notes(leaks), *_run_notes(config, clips, labels), *clips.notes),
        ),
    )


def _run_notes(config: Config, clips: Clips, labels: LabelSet) -> Iterator[str]:
    if config["data"]["balanced_by"] == "emotion" and config["loss"].get("weights", "none") != "none":
        yield "classes are balanced twice, by data.balanced_by=emotion and by loss.weights"
    if share := unlearned_votes(clips.table, labels):
        yield f"{share:.1%} of the listeners' votes are for emotions that no class takes, and left out of the targets"
    if config["trainer"].get("debug"):
        yield "debug: one batch a part is trained on and scored, so the scores mean nothing"
    if config["shuffle_train_labels"]:
        yield "the training labels were shuffled: a control"
    if clips.left_out:
        yield f"{len(clips.left_out)} clips are left out, see left_out.csv"


def _in_parts(clips: Clips, split: Split) -> tuple[Clips, pl.DataFrame]:
    """The table of the clips that are in a part; those in none are named among the clips left out."""
    table = clips.table.with_columns(part=split.parts)
    none = table.filter(pl.col("part").is_null())
    reasons = ((path, "the split puts it in no part") for path in none["path"])
    return replace(clips, left_out=(*clips.left_out, *reasons)), table.filter(pl.col("part").is_not_null())


def build_training(
    config: Config,
    data: RunData,
    run_dir: Path,
    *,
    run_id: str | None = None,
    sweep: str | None = None,
    stop: StopRequest | None = None,
) -> tuple[EmotionTask, SpeechData, pytorch_lightning.Trainer, list[Logger]]:
    """The task, the batches, the trainer and its loggers.

    Loggers know the run by `run_id`, and `sweep` is the multirun that it is a job of. The trainer looks between steps
    whether it was asked to `stop`. Raises UserError where weights are out of reach.
    """
    pytorch_lightning.seed_everything(config["seed"], workers=True, verbose=False)
    frontend = built(config["frontend"])
    window = round(config["data"]["window_seconds"] * config["sample_rate"])
    loss = built(config["loss"], class_counts(data), data.labels)
    network = built(config["model"], len(data.labels), frontend.image_shape(window))
    if spread_of(config).sync_batchnorm:
        network = synchronised(network)
    module = built(config["data"], data.table, data.clips.store, data.targets, frontend, built(config["augment"]))
    task = EmotionTask(
        network,
        frontend,
        loss,
        built(config["optimizer"], _partial_=True),
        built(config["scheduler"], _partial_=True),
        labels=data.labels,
        num_clips=len(data.table),
        seed=config["seed"],
        description=describe(config, data.labels),
    )
    tags = (*data.protocol["corpora"], config["model"]["backbone"], data.protocol["split"])
    logged = LoggedRun(folder=run_dir, name=config["name"], id=run_id, sweep=sweep, tags=tags)
    loggers = [built(node, logged) for node in config["logger"].values()]
    freezes = config["model"]["freeze_epochs"] > 0
    trainer = built(config["trainer"], run_dir, loggers, stop or StopRequest(), started(os.environ), freezes)
    return task, module, trainer, loggers


def class_counts(data: RunData) -> torch.Tensor:
    """Training clips of each class [class]."""
    train = (data.table["part"] == "train").to_numpy()
    return torch.from_numpy(data.targets[train].sum(axis=0))


def describe(config: Config, labels: tuple[str, ...]) -> dict[str, Any]:
    """The closed description that a checkpoint carries: plain values, all that is needed to predict."""
    network = {
        key: config["model"][key] for key in ("backbone", "hidden", "dropout", "bn_eps") if key in config["model"]
    }
    return {
        "format": 1,
        "labels": list(labels),
        "emotions": dict(learned_label_set(config["label_set"], labels).mapping),
        "sample_rate": config["sample_rate"],
        "window_seconds": config["data"]["window_seconds"],
        "temperature": 1.0,
        "frontend": {key: value for key, value in config["frontend"].items() if key != "_target_"},
        "network": network,
    }
