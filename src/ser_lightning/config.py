"""The keys of each command, their types and ranges, and a composed config checked against them: all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from annotated_types import Interval, Len
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import AfterValidator

from ser_lightning.data.leaks import Policy
from ser_lightning.emotions import check_label_set
from ser_lightning.errors import UserError
from ser_lightning.schema import value_problems


def check_name(name: str) -> str:
    """The name, if it can be that of a folder; raises UserError."""
    if not name or "/" in name or name.startswith("."):
        raise UserError("a run's name is that of a folder: not empty, without /, not starting with a dot")
    return name


def check_jobs(jobs: int) -> int:
    """The number of processes, if it is one; raises UserError."""
    if jobs < 1 and jobs != -1:
        raise UserError("1 process or more, or -1 for as many as there are cores")
    return jobs


Name = Annotated[str, AfterValidator(check_name)]
Jobs = Annotated[int, AfterValidator(check_jobs)]
Seed = Annotated[int, Interval(ge=0, lt=2**32)]
Rate = Annotated[int, Interval(ge=8000, le=192000)]
Folder = Annotated[str, Len(1)]
OnBadAudio = Literal["error", "skip"]
LabelSetSpec = Annotated[str | dict[str, Any], AfterValidator(check_label_set)]


@dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """The keys of `prepare`."""

    corpus: dict[str, Any]
    data_dir: str
    cache_dir: str
    sample_rate: Rate
    on_bad_audio: OnBadAudio
    verify: bool


@dataclass(frozen=True, kw_only=True)
class DescribeSettings:
    """The keys of `describe`."""

    corpus: dict[str, Any]
    label_set: LabelSetSpec
    sample_rate: Rate
    data_dir: str
    cache_dir: str


@dataclass(frozen=True, kw_only=True)
class DownloadSettings:
    """The keys of `download`; `places` holds, by corpus, what `ser_lightning.downloads` knows of its official place."""

    corpus: dict[str, Any] | None = None
    data_dir: str
    threads: Annotated[int, Interval(ge=1, le=16)]
    tries: Annotated[int, Interval(ge=1)]
    pause_seconds: Annotated[float, Interval(ge=0)]
    timeout_seconds: Annotated[float, Interval(gt=0)]
    places: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """The keys of `evaluate`; without a corpus the run's own clips and parts are scored again."""

    run: Folder
    corpus: dict[str, Any] | None = None
    split: dict[str, Any] | None = None
    data_dir: str
    cache_dir: str
    on_bad_audio: OnBadAudio
    leaks: Literal["error", "warn"]
    batch_size: Annotated[int, Interval(ge=1)] | None = None
    device: Literal["auto", "cpu", "gpu"]


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """The keys of `predict`; `rate` is that of samples on standard input, in Hz."""

    run: Folder
    inputs: Annotated[str, Len(1)] | Annotated[list[Annotated[str, Len(1)]], Len(1)]
    output: Annotated[str, Len(1)] | None = None
    segments: Annotated[str, Len(1)] | None = None
    hop_seconds: Annotated[float, Interval(gt=0)] | None = None
    smooth_seconds: Annotated[float, Interval(ge=0)]
    threshold: Annotated[float, Interval(ge=0, le=1)] | None = None
    rate: Annotated[int, Interval(ge=1000, le=768_000)] | None = None
    batch_size: Annotated[int, Interval(ge=1)]
    device: Literal["auto", "cpu", "gpu"]


@dataclass(frozen=True, kw_only=True)
class SummarizeSettings:
    """The keys of `summarize`."""

    runs: Folder | list[Folder]
    seed: Seed


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """The keys of `stack`."""

    name: Name
    runs: Folder | list[Folder]
    meta: Literal["random_forest", "extra_trees", "gradient_boosting", "logistic"]
    iterations: Annotated[int, Interval(ge=1)]
    inner_folds: Annotated[int, Interval(ge=2)]
    jobs: Jobs
    seed: Seed


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """The keys of `train`, at the top level; those that hold a `_target_` are checked against it."""

    name: Name
    seed: Seed
    label_set: LabelSetSpec
    sample_rate: Rate
    data_dir: str
    cache_dir: str
    on_bad_audio: OnBadAudio
    leaks: Policy
    shuffle_train_labels: bool
    resume: Folder | None = None
    trial: Annotated[int, Interval(ge=0)] | None = None
    corpus: dict[str, Any]
    split: dict[str, Any]
    frontend: dict[str, Any]
    augment: dict[str, Any]
    data: dict[str, Any]
    model: dict[str, Any]
    loss: dict[str, Any]
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    trainer: dict[str, Any]
    logger: dict[str, Any]


def plain(config: DictConfig) -> dict[str, Any]:
    """The config, interpolations resolved, as dicts, lists, strings and numbers; without the keys that have no value.

    Raises UserError where one cannot be resolved.
    """
    try:
        made = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True))
    except OmegaConfBaseException as error:
        raise UserError(str(error).splitlines()[0]) from error
    return {key: value for key, value in made.items() if value != MISSING}


def config_problems(config: Mapping[str, Any], settings: type) -> list[str]:
    """All that is wrong with a resolved config, before anything of it is built."""
    return value_problems("", config, settings)
