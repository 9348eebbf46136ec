"""All clips a run may use: scanned, listed, decoded, and what cannot be used named in one report.

`load_clips` is the whole way from a corpus folder to a table beside its samples; nothing later asks about files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from ser_lightning.corpora.base import Corpus, Defect, Origin
from ser_lightning.data.manifest import to_table
from ser_lightning.data.store import Store, prepare, sources
from ser_lightning.emotions import LabelSet
from ser_lightning.errors import UserError

MOST_LISTED = 100


@dataclass(frozen=True)
class Clips:
    """The usable clips: the manifest's columns plus offset, length (samples), seconds, hash, recording; their samples.

    `recording` is shared by the clips of one recording: the least of their ids. `left_out` holds (path, reason) of
    every clip that is not among them; `notes` what the user should know; `origins` where the corpora come from.
    """

    table: pl.DataFrame
    store: Store
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    origins: tuple[Origin, ...]


def load_clips(corpus: Corpus, *, cache_dir: Path, rate: int, skip_bad: bool) -> Clips:
    """Scan, prepare where needed, and sort out what cannot be used.

    Raises UserError that names every bad file, unless `skip_bad`.
    """
    try:
        scan = corpus.scan()
        table = to_table(scan.utterances)
        if table.is_empty():
            raise UserError(f"{corpus.name}: no clip is listed{':' * bool(scan.bad)}\n{listed(scan.bad)}".rstrip())
        store = prepare(sources(table, scan.copies), name=corpus.name, cache_dir=cache_dir, rate=rate)
    except OSError as error:
        raise UserError(
            f"decoded audio cannot be kept in cache_dir={cache_dir}: {error.filename or ''} {error.strerror or error}; "
            "give a folder that can be written, with room for it"
        ) from error
    table = pl.concat([table, store.index], how="horizontal").with_columns(seconds=pl.col("length") / rate)
    failed = table.filter(pl.col("error") != "")
    defects, failures = _known(list(zip(failed["path"], failed["error"], strict=True)), scan.defects)
    bad = [*scan.bad, *failures]
    if bad and not skip_bad:
        raise UserError(
            f"{len(bad)} of {len(table) + len(scan.bad)} files cannot be used; mend or remove them, "
            f"or leave them out with on_bad_audio=skip:\n{listed(bad)}"
        )
    usable = table.filter(pl.col("error") == "")
    if usable.is_empty():
        raise UserError(f"{corpus.name}: no file can be used:\n{listed([*bad, *defects])}")
    usable = usable.drop("error").with_columns(recording=pl.col("clip").min().over("hash"))
    known = [f"known defect of the official release, left out: {note}" for _, note in defects]
    notes = (*scan.notes, *known, *_remarks(usable))
    return Clips(usable, store, (*bad, *defects), notes, scan.origins)


def _known(
    failed: Sequence[tuple[str, str]], defects: Sequence[Defect]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Of the (path, error) that failed those that the corpus's parser foresaw, with its note; and the others."""
    foreseen = {defect.path: defect for defect in defects}
    known, others = [], []
    for path, error in failed:
        defect = foreseen.get(path)
        if defect is not None and error.startswith(defect.error):
            known.append((path, defect.note))
        else:
            others.append((path, error))
    return known, others


def with_labels(clips: Clips, labels: LabelSet) -> Clips:
    """The clips that the label set takes, with their `label`; a recording under two labels is left out."""
    mapping = pl.DataFrame({"emotion": list(labels.mapping), "label": list(labels.mapping.values())})
    table = clips.table.join(mapping, on="emotion", how="inner", maintain_order="left")
    torn = pl.col("label").n_unique().over("recording") > 1
    conflicting = table.filter(torn).with_columns(said=pl.format("{} ({})", "clip", "label"))
    twins = conflicting.with_columns(twins=pl.col("said").str.join(", ").over("recording"))
    reasons = [f"identical audio bears two labels: {names}" for names in twins["twins"]]
    left_out = zip(twins["path"], reasons, strict=True)
    notes = [f"left out, as {reason}" for reason in dict.fromkeys(reasons)]
    pairs = table.filter(~torn & pl.col("recording").is_duplicated())
    grouped = pairs.group_by("recording", maintain_order=True).agg("clip")["clip"]
    notes += [f"identical audio, kept in one part: {', '.join(names.to_list())}" for names in grouped]
    return replace(
        clips, table=table.filter(~torn), left_out=(*clips.left_out, *left_out), notes=(*clips.notes, *_few(notes))
    )


def _few(notes: list[str], most: int = 10) -> list[str]:
    return notes[:most] + ([f"and {len(notes) - most} more recordings like these"] if len(notes) > most else [])


def listed(bad: Sequence[tuple[str, str]], most: int = MOST_LISTED) -> str:
    """One line a file, `path: reason`; the count of those beyond `most`."""
    lines = [f"  {path}: {reason}" for path, reason in bad[:most]]
    more = [f"  and {len(bad) - most} more"] if len(bad) > most else []
    return "\n".join(lines + more)


def _remarks(table: pl.DataFrame) -> list[str]:
    """What the store noticed of usable files, and the clips that were downmixed."""
    remarks = [f"{row['clip']}: {row['note']}" for row in table.filter(pl.col("note") != "").iter_rows(named=True)]
    downmixed = table.filter(pl.col("channels") > 1)["clip"].to_list()
    if downmixed:
        few = ", ".join(downmixed[:3]) + (", ..." if len(downmixed) > 3 else "")
        what = (
            "1 clip with several channels was"
            if len(downmixed) == 1
            else f"{len(downmixed)} clips with several channels were"
        )
        remarks.append(f"{what} downmixed to one: {few}")
    return remarks
