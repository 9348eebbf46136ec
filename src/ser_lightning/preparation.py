"""The work of `prepare`: make or find a corpus's store, and verify it where asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from ser_lightning.build import build_clips, built, check
from ser_lightning.config import PrepareSettings
from ser_lightning.data.clips import Clips
from ser_lightning.data.manifest import to_table
from ser_lightning.data.sources import sources
from ser_lightning.data.store import Store, changed_clips
from ser_lightning.errors import UserError
from ser_lightning.terminal import out

MOST_NAMED = 10


def prepare_corpus(config: Mapping[str, Any]) -> None:
    """Prepare as configured, and print what is there; raises UserError."""
    check(config, PrepareSettings)
    clips = build_clips(config)
    for note in clips.notes:
        out.print(f"note: {note}", markup=False)
    for names in repeated(clips)[:MOST_NAMED]:
        out.print(f"note: one recording several times: {names}", markup=False)
    for path, reason in clips.left_out:
        out.print(f"left out: {path}: {reason}", markup=False)
    hours = clips.table["seconds"].sum() / 3600
    speakers = len(set(zip(clips.table["corpus"], clips.table["speaker"], strict=True)))
    out.print(f"{len(clips.table)} clips, {speakers} speakers, {hours:.2f} h: {clips.store.folder}", markup=False)
    if config["verify"]:
        verify(config, clips.store)


def repeated(clips: Clips) -> list[str]:
    """The clips of each recording that is there more than once, identical or nearly so, with their emotions."""
    twins = clips.table.filter(pl.col("recording").is_duplicated())
    said = pl.format("{} ({})", "clip", "emotion").head(MOST_NAMED).str.join(", ")
    return twins.group_by("recording", maintain_order=True).agg(said=said)["said"].to_list()


def verify(config: Mapping[str, Any], store: Store) -> None:
    """Read every file again; raises UserError where samples are no longer those of the store."""
    scan = built(config["corpus"]).scan()
    table = to_table(scan.clips)
    changed = changed_clips(store, sources(table, scan.copies))
    if changed:
        names = ", ".join(table["clip"][changed[:5]].to_list())
        raise UserError(
            f"{len(changed)} clips differ from the store, though their files' size and time do not: {names}; "
            f"remove {store.folder} and prepare again"
        )
    out.print(f"verified: {len(table)} clips are as the store has them")
