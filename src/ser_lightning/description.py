"""The work of `describe`: load a corpus, with its bad files listed rather than fatal, and write its data card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich.box
import rich.markup
import rich.table

from ser_lightning.build import built, check
from ser_lightning.card.findings import count
from ser_lightning.card.page import write_card
from ser_lightning.card.statistics import emotion_order, readable, totals
from ser_lightning.config import DescribeSettings
from ser_lightning.data.clips import Clips, load_clips
from ser_lightning.emotions import LabelSet, label_set
from ser_lightning.terminal import out


def describe_corpus(config: Mapping[str, Any], folder: Path) -> Path:
    """Write the card of the configured corpus to `<folder>/<its name>/`; return the page. Raises UserError."""
    check(config, DescribeSettings)
    corpus = built(config["corpus"])
    cache_dir = Path(config["cache_dir"]).expanduser()
    clips = load_clips(corpus, cache_dir=cache_dir, rate=config["sample_rate"], skip_bad=True)
    labels = _labels(config["label_set"], clips)
    page = write_card(clips, labels, folder / corpus.name)
    out.print(corpus_table(clips))
    counts = dict(clips.table.group_by("emotion").len().iter_rows())
    out.print("emotions: " + ", ".join(f"{name} {counts[name]:,}" for name in emotion_order(clips.table)), markup=False)
    if clips.left_out:
        out.print(f"left out: {count(len(clips.left_out), 'file')}, listed on the page")
    out.print(f"data card: {page}", markup=False)
    return page


def corpus_table(clips: Clips) -> rich.table.Table:
    """Clips, speakers and hours of each corpus."""
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD)
    table.add_column("corpus")
    for name in ("clips", "speakers", "hours"):
        table.add_column(name, justify="right")
    for row in totals(readable(clips.table)):
        table.add_row(rich.markup.escape(row.corpus), f"{row.clips:,}", f"{row.speakers:,}", f"{row.hours:.2f}")
    return table


def _labels(spec: str | Mapping[str, Any], clips: Clips) -> LabelSet:
    """The label set; `native` is taken as it is, since a corpus of one emotion can be described too."""
    if spec == "native":
        return LabelSet("native", {emotion: emotion for emotion in emotion_order(clips.table)})
    return label_set(spec, clips.table["emotion"].to_list())
