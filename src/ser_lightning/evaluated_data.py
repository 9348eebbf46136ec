"""What a trained model is scored on: its own clips again, in their parts, or the clips of any corpus as a test part.

In either case the classes are the model's, and the protocol says who and what of the test part was in training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import polars as pl
from jaxtyping import Float

from ser_lightning.build import Config, build_clips, built
from ser_lightning.corpora.base import Origin
from ser_lightning.data.clips import Clips, with_labels
from ser_lightning.data.leaks import Leaks, find_leaks, leak_notes
from ser_lightning.data.protocol import Protocol, absent_classes, protocol
from ser_lightning.data.splits.base import Split, Splitter, few
from ser_lightning.data.targets import class_targets
from ser_lightning.emotions import LabelSet
from ser_lightning.errors import UserError
from ser_lightning.evaluation.runs import FinishedRun
from ser_lightning.files import read_table
from ser_lightning.learned_labels import learned_label_set
from ser_lightning.run_corpus import Recorded, heard_in, own_corpus, own_hashes, read_parts


@dataclass(frozen=True)
class EvaluatedData:
    """The clips to be scored: `table` has a row a clip with its part and label, `targets` [clip class] their truth.

    `labels` are the classes that are asked, some or all of the model's. `leaks` compares the run's own parts; None
    where another corpus is scored.
    """

    clips: Clips
    table: pl.DataFrame
    targets: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    protocol: Protocol
    leaks: Leaks | None


@dataclass(frozen=True, kw_only=True)
class All:
    """Every clip is tested."""

    name: ClassVar[str] = "all"
    seed: ClassVar[int | None] = None

    def split(self, table: pl.DataFrame) -> Split:
        """All rows in the test part."""
        return Split(pl.repeat("test", len(table), dtype=pl.String, eager=True), drawn=False)


def own_data(run: FinishedRun, config: Config) -> EvaluatedData:
    """The run's own clips in the parts that its split.csv gives.

    Raises UserError where its corpus is not at hand, where clips of it are missing (on_bad_audio=skip leaves these
    out), or where a stack was scored out of fold.
    """
    skip = "skip" in (config["on_bad_audio"], run.config["on_bad_audio"])
    listed, labels = read_parts(run), learned_label_set(run.config["label_set"], run.labels)
    _check_tested(run, listed)
    found = _own_clips(run, config, skip=skip)
    clips = with_labels(found, labels)
    splitter = Recorded(listed=listed, protocol=run.protocol)
    split = splitter.split(clips.table)
    every = clips.table.with_columns(part=split.parts)
    table = every.filter(pl.col("part").is_not_null())
    missing = listed.join(table, on="clip", how="anti", maintain_order="left")["clip"].to_list()
    _check_missing(missing, table, skip=skip)
    leaks = find_leaks(table, clips.twins, policy=config["leaks"], num_copies=clips.num_copies)
    told = protocol(
        table,
        emotions=found.table["emotion"],
        labels=labels,
        splitter=splitter,
        split=split,
        origins=clips.origins,
        absent=absent_classes(table, labels),
        shared_audio=leaks.shared_audio,
        notes=(*run.protocol["notes"], *_changes(run, every, missing)),
    )
    gone = ((clip, "it is in the run, but not among the clips that can be used now") for clip in missing)
    clips = replace(clips, left_out=(*clips.left_out, *gone))
    return EvaluatedData(clips, table, class_targets(table, labels), labels.labels, told, leaks)


def other_data(run: FinishedRun, config: Config) -> EvaluatedData:
    """The clips of the corpus in `config`, all of them or the test part of its split, as the model's test part.

    Raises UserError where they have fewer than two of the model's classes, or, under leaks=error, where some of them
    were trained on.
    """
    listed, learned = read_parts(run), learned_label_set(run.config["label_set"], run.labels)
    found = build_clips({**config, "sample_rate": run.config["sample_rate"]})
    clips = with_labels(found, learned)
    labels = _asked(learned, found.table["emotion"], clips.table["label"])
    splitter: Splitter = built(config["split"]) if "split" in config else All()
    split = splitter.split(clips.table)
    table = clips.table.filter(split.parts == "test").with_columns(part=pl.lit("test"))
    hashes = own_hashes(run, config)
    heard = heard_in(table, listed, hashes)
    if config["leaks"] == "error":
        _check_heard(table.filter(heard.is_not_null())["clip"].to_list())
    both = _beside_training(table, listed, learned)
    notes = _notes(run, clips, labels, len(table), compared=hashes is not None)
    told = protocol(
        both,
        emotions=found.table["emotion"],
        labels=labels,
        splitter=splitter,
        split=split,
        origins=(*_trained_origins(run), *clips.origins),
        absent=absent_classes(both, labels),
        shared_audio={
            "train_val": run.protocol["shared_audio"]["train_val"],
            **{f"{part}_test": int((heard == part).sum()) for part in ("train", "val")},
        },
        notes=(*notes, *leak_notes(find_leaks(table, clips.twins, policy="allow")), *clips.notes),
    )
    return EvaluatedData(clips, table, class_targets(table, labels), labels.labels, told, None)


def among(probabilities: Float[np.ndarray, "clip class"], classes: Sequence[int]) -> Float[np.ndarray, "clip asked"]:
    """The probabilities of these classes alone, as if there were no others; equal where all of them are 0.

    >>> among(np.array([[0.5, 0.125, 0.375], [1.0, 0.0, 0.0]]), [1, 2]).tolist()
    [[0.25, 0.75], [0.5, 0.5]]
    """
    asked = probabilities[:, list(classes)]
    total = asked.sum(axis=1, keepdims=True)
    none = total == 0
    return np.asarray(np.where(none, 1 / asked.shape[1], asked / np.where(none, 1.0, total)))


def _check_tested(run: FinishedRun, listed: pl.DataFrame) -> None:
    if not (listed["part"] == "test").any():
        raise UserError(
            f"{run.path} is a stack over folds: each clip was scored without what was trained on it, but the model "
            "that is stored was trained on all of them; its metrics.json stands. Give others: corpus=NAME "
            "corpus.root=DIR"
        )


def _own_clips(run: FinishedRun, config: Config, *, skip: bool) -> Clips:
    node, _ = own_corpus(run, config)
    skipping = "skip" if skip else "error"
    rate = run.config["sample_rate"]
    return build_clips(
        {"corpus": node, "cache_dir": config["cache_dir"], "sample_rate": rate, "on_bad_audio": skipping}
    )


def _check_missing(missing: Sequence[str], table: pl.DataFrame, *, skip: bool) -> None:
    if missing and not skip:
        raise UserError(
            f"{len(missing)} clips of the run are not among the clips that can be used now: {few(missing)}; bring them "
            "back, or score the others with on_bad_audio=skip"
        )
    if not (table["part"] == "test").any():
        raise UserError("no clip of the run's test part can be used now: there is nothing to score")


def _changes(run: FinishedRun, every: pl.DataFrame, missing: Sequence[str]) -> Iterator[str]:
    """What is no longer as it was when the run was trained."""
    yield "the model's own parts, scored again"
    if missing:
        yield f"{len(missing)} clips of the run are missing now and left out: {few(missing)}"
    left_out = run.path / "left_out.csv"
    known = read_table(left_out)["path"] if left_out.exists() else pl.Series([], dtype=pl.String)
    new = every.filter(pl.col("part").is_null() & ~pl.col("path").is_in(known.implode()))["clip"].to_list()
    if new:
        yield f"clips that are new in the corpus since the training, and are not scored: {few(new)}"


def _asked(learned: LabelSet, emotions: pl.Series, labels: pl.Series) -> LabelSet:
    """The model's classes that clips have: by their emotion, or by their votes."""
    there = {learned.mapping[emotion] for emotion in emotions.unique() if emotion in learned.mapping}
    there |= set(labels.unique())
    if len(there) < 2:
        raise UserError(
            f"to be scored the clips must be of two or more of the model's classes ({', '.join(learned.labels)}); "
            f"they are of {', '.join(sorted(there)) or 'none'}: the corpus has {', '.join(emotions.unique().sort())}"
        )
    return LabelSet(learned.name, {emotion: label for emotion, label in learned.mapping.items() if label in there})


def _check_heard(clips: Sequence[str]) -> None:
    if clips:
        raise UserError(
            f"{len(clips)} clips were in the training or the val part of the run: {few(clips)}; choose others by "
            "split=fixed split.file=FILE, or leaks=warn scores them nevertheless and says so"
        )


def _beside_training(table: pl.DataFrame, listed: pl.DataFrame, learned: LabelSet) -> pl.DataFrame:
    """The clips that are scored and, as the parts train and val, those of the training."""
    label = pl.col("emotion").replace_strict(dict(learned.mapping), default=None, return_dtype=pl.String)
    columns = ("corpus", "speaker", "part", "label")
    trained = listed.filter(pl.col("part") != "test").with_columns(label=label)
    return pl.concat([trained.select(columns), table.select(columns)])


def _trained_origins(run: FinishedRun) -> Iterator[Origin]:
    sources: Mapping[str, str] = run.protocol["label_sources"]
    return (Origin(corpus=corpus, labels=labels) for corpus, labels in sources.items())


def _notes(run: FinishedRun, clips: Clips, labels: LabelSet, num_tested: int, *, compared: bool) -> Iterator[str]:
    """What a reader of the score must know of the classes, the clips and the training."""
    unasked = [label for label in run.labels if label not in labels.labels]
    if unasked:
        yield (
            f"no clip is of the model's {'classes' if len(unasked) > 1 else 'class'} {', '.join(unasked)}: not asked, "
            "the model chooses among the others, whose probabilities are renormalised"
        )
    if num_tested < len(clips.table):
        yield f"of {len(clips.table)} clips the {num_tested} of the split's test part are scored"
    trained = run.protocol["label_sources"]
    for origin in clips.origins:
        if trained.get(origin.corpus, origin.labels) != origin.labels:
            yield f"{origin.corpus}: scored on labels that are {origin.labels}, trained on {trained[origin.corpus]}"
    if not compared:
        yield "the clips of the training are known by their ids alone: their audio is not in the cache"
    if run.config.get("shuffle_train_labels"):
        yield "the training labels were shuffled: a control"
    if (run.config.get("trainer") or {}).get("debug"):
        yield "the model was trained in debug mode, on one batch"
    if clips.left_out:
        yield f"{len(clips.left_out)} clips are left out, see left_out.csv"
