"""What a finished run was trained on: its corpus, scanned again, and the parts that its clips were in.

A run directory may be a stranger's, so that its corpus is built only where it is one of those that our own configs
have; the `_target_` of any other is not even imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ser_lightning.build import Config, built
from ser_lightning.cli import conf_dir
from ser_lightning.corpora.base import Corpus, check_name
from ser_lightning.data.manifest import to_table
from ser_lightning.data.parts import PARTS
from ser_lightning.data.sources import sources
from ser_lightning.data.splits.base import Split
from ser_lightning.data.store import open_store, store_key
from ser_lightning.errors import UserError
from ser_lightning.evaluation.runs import FinishedRun
from ser_lightning.files import read_table
from ser_lightning.schema import node_problems, targets_within

COLUMNS = ("clip", "part", "corpus", "speaker", "emotion")
MADE = "ser_lightning.corpora.synthetic.Synthetic"
"""Its files are made when it is scanned: it is not scanned only to compare, and never made where a run says."""
PLACES = ("data_dir", "cache_dir")
"""Folders that are the caller's, not the run's."""
INTERPOLATION = "${"


def read_parts(run: FinishedRun) -> pl.DataFrame:
    """The clips of a run's split.csv and the parts that its model had them in, all columns as text.

    Raises UserError where it is missing or another kind of table.
    """
    path = run.path / "split.csv"
    try:
        table = read_table(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path} says which clips were trained on, and it cannot be read: {_line(error)}") from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise UserError(f"{path} must have the columns {', '.join(COLUMNS)}; it lacks {', '.join(missing)}")
    table = table.select(pl.col(COLUMNS).fill_null(""))
    if not table["part"].is_in(PARTS).all() or table["clip"].is_duplicated().any():
        raise UserError(f"{path} must give each clip once, in train, val or test")
    return table


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The split that a run had, as its own files tell it: `listed` has the part of each clip."""

    listed: pl.DataFrame
    protocol: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the splitter that made it."""
        return str(self.protocol["split"])

    @property
    def seed(self) -> int | None:
        """What chance was drawn from."""
        seed: int | None = self.protocol["split_seed"]
        return seed

    def split(self, table: pl.DataFrame) -> Split:
        """The part of each row by its clip id; null where the run did not have it."""
        parts = dict(self.listed.select("clip", "part").iter_rows())
        return Split(
            table["clip"].replace_strict(parts, default=None, return_dtype=pl.String),
            fold=self.protocol["split_fold"],
            num_folds=self.protocol["split_folds"],
            details=self.protocol["split_details"],
            drawn=self.seed is not None,
        )


def own_corpus(run: FinishedRun, config: Config) -> tuple[Config, Corpus]:
    """The checked node of the run's own corpus, and what it builds.

    Raises UserError as `corpus_node` does, and where the corpus is not there or its name would leave the cache.
    """
    node = corpus_node(run, config)
    try:
        corpus: Corpus = built(node)
    except UserError as error:
        raise UserError(
            f"the run's corpus is not where its config.yaml says: {'; '.join(error.problems)}. If it has moved: "
            f"corpus=NAME corpus.root=DIR split=fixed split.file={run.path / 'split.csv'}"
        ) from error
    check_name(corpus.name, f"the corpus in {run.path / 'config.yaml'}")
    return node, corpus


def corpus_node(run: FinishedRun, config: Config) -> Config:
    """The checked node of the run's own corpus, with the places to read and to write of the caller's `config`.

    Raises UserError where it is none of ours, or does not fit, or asks for what is outside it, as ${oc.env:HOME}
    does; a stranger is never imported.
    """
    node, where = run.config.get("corpus"), run.path / "config.yaml"
    ours = {yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"] for path in conf_dir().glob("corpus/*.yaml")}
    strangers = sorted(targets_within(node) - ours)
    if strangers or not isinstance(node, Mapping) or "_target_" not in node:
        found = f"is {', '.join(strangers)}, which is none of ours and is not built" if strangers else "is not told"
        raise UserError(f"the corpus in {where} {found}; say what to evaluate on: corpus=NAME corpus.root=DIR")
    if INTERPOLATION in json.dumps(node, default=str):
        raise UserError(f"the corpus in {where} holds {INTERPOLATION}, which a resolved config does not: not built")
    here = _here(node, {key: config[key] for key in PLACES})
    problems = node_problems("corpus", here)
    if problems:
        raise UserError([f"{where}: {problem}" for problem in problems])
    return here


def _here(node: Mapping[str, Any], places: Mapping[str, Any]) -> dict[str, Any]:
    """A node with these places in it; what it makes goes to its default folder in the cache, whatever its root."""
    here = {key: _here(value, places) if isinstance(value, Mapping) else value for key, value in node.items()}
    if "_target_" in node:
        here |= {key: place for key, place in places.items() if key in node}
        here = {key: value for key, value in here.items() if key not in ("_partial_", "_convert_")}
    if node.get("_target_") == MADE:
        here["root"] = None
    if isinstance(here.get("roots"), Mapping):
        members = node.get("members") or {}
        here["roots"] = {
            name: root for name, root in here["roots"].items() if MADE not in targets_within(members.get(name))
        }
    return here


def own_hashes(run: FinishedRun, config: Config) -> dict[str, str] | None:
    """The hash of the samples of each clip of the run's corpus; None where it is not at hand, prepared, in the cache.

    Nothing is decoded or made for it.
    """
    try:
        if MADE in targets_within(run.config.get("corpus")):
            return None
        _, corpus = own_corpus(run, config)
        scan = corpus.scan()
    except UserError:
        return None
    table = to_table(scan.clips)
    folder = (
        Path(config["cache_dir"]).expanduser()
        / f"{corpus.name}-{store_key(sources(table, scan.copies), run.config['sample_rate'])}"
    )
    return dict(zip(table["clip"], open_store(folder).index["hash"], strict=True)) if folder.exists() else None


def heard_in(table: pl.DataFrame, listed: pl.DataFrame, hashes: Mapping[str, str] | None) -> pl.Series:
    """The part, train or val, in which the run heard each row of `table` (columns clip, hash); null where in none.

    A clip is known by its id and, with the run's `hashes`, by its samples, whatever its name.

    >>> evaluated = pl.DataFrame({"clip": ["a/1", "b/1", "b/2"], "hash": ["x", "y", "z"]})
    >>> heard_in(evaluated, pl.DataFrame({"clip": ["a/1", "a/2"], "part": ["val", "train"]}), {"a/2": "z"}).to_list()
    ['val', None, 'train']
    """
    by_id: dict[str, str] = {}
    by_hash: dict[str, str] = {}
    for part in ("val", "train"):  # what is in both counts as trained on
        clips = listed.filter(pl.col("part") == part)["clip"].to_list()
        by_id |= dict.fromkeys(clips, part)
        by_hash |= {hashes[clip]: part for clip in clips if clip in hashes} if hashes else {}
    parts = table.select(
        named=pl.col("clip").replace_strict(by_id, default=None, return_dtype=pl.String),
        same=pl.col("hash").replace_strict(by_hash, default=None, return_dtype=pl.String),
    )
    trained = pl.any_horizontal(pl.all() == "train")
    return parts.select(heard=pl.when(trained).then(pl.lit("train")).otherwise(pl.coalesce(pl.all())))["heard"]


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
