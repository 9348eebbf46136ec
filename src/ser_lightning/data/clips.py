"""All clips a run may use: scanned, listed, decoded, and what cannot be used named in one report.

`load_clips` is the whole way from a corpus folder to a table beside its samples; nothing later asks about files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from ser_lightning.corpora.base import Corpus, Defect, Origin
from ser_lightning.data.manifest import to_table
from ser_lightning.data.sources import sources
from ser_lightning.data.speakers import tied
from ser_lightning.data.store import Store, prepare
from ser_lightning.data.targets import class_labels
from ser_lightning.emotions import LabelSet
from ser_lightning.errors import UserError

MOST_LISTED = 100
FEW = 0.05
"""A rate that at most this share of a corpus's files have is odd."""
MOST_TWINS = 5
"""Of the copies of one recording so many are named."""
MANY = 20
"""So many clips of one length are no chance."""


@dataclass(frozen=True)
class Clips:
    """The usable clips: the manifest's columns plus offset, length (samples), seconds, hash, recording; their samples.

    `recording` is shared by the clips of one recording: the least of their ids. `left_out` holds (path, reason) of
    every clip that is not among them; `notes` what the user should know; `origins` where the corpora come from.
    `num_copies` counts files passed over as further copies; `twins` are the labelled clips, left out or not, whose
    recording is there more than once.
    """

    table: pl.DataFrame
    store: Store
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    origins: tuple[Origin, ...]
    num_copies: int = 0
    twins: pl.DataFrame = field(default_factory=pl.DataFrame)


def load_clips(corpus: Corpus, *, cache_dir: Path, rate: int, skip_bad: bool) -> Clips:
    """Scan, prepare where needed, and sort out what cannot be used.

    Raises UserError that names every bad file, unless `skip_bad`.
    """
    scan = corpus.scan()
    table = to_table(scan.clips)
    if table.is_empty():
        raise UserError(f"{corpus.name}: no clip is listed{':' * bool(scan.bad)}\n{listed(scan.bad)}".rstrip())
    try:
        store = prepare(sources(table, scan.copies), name=corpus.name, cache_dir=cache_dir, rate=rate)
    except OSError as error:
        raise UserError(
            f"decoded audio cannot be kept in cache_dir={cache_dir}: {error.filename or ''} {error.strerror or error}; "
            "give a folder that can be written, with room for it"
        ) from error
    table = pl.concat([table, store.index], how="horizontal").with_columns(seconds=pl.col("length") / rate)
    table = table.with_row_index("row")
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
    usable = usable.drop("error", "row").with_columns(recording=_recordings(usable, store.pairs))
    known = [f"known defect of the official release, left out: {note}" for _, note in defects]
    notes = (*scan.notes, *known, *_remarks(usable))
    left_out = (*bad, *defects, *scan.left_out)
    return Clips(usable, store, left_out, notes, scan.origins, len(scan.copies))


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


def _recordings(table: pl.DataFrame, pairs: pl.DataFrame) -> pl.Series:
    """The least clip id of those that share each clip's samples, or are near-identical to them, through others too."""
    first = table.select(pl.col("clip").min().over("hash"))["clip"]
    names = dict(zip(table["row"], first, strict=True))
    near = [(names[a], names[b]) for a, b in pairs.select("a", "b").iter_rows() if a in names and b in names]
    ends = pl.Series([end for pair in near for end in pair], dtype=pl.String)
    least = tied(ends, pl.Series([str(number // 2) for number in range(len(ends))], dtype=pl.String))
    return first.replace(dict(zip(ends, least, strict=True)))


def with_labels(clips: Clips, labels: LabelSet) -> Clips:
    """The clips that the label set takes, with their `label`; a recording under two labels is left out.

    An emotion that no class takes is another label too: audio that is also said to be of it cannot be trusted.
    """
    table = clips.table.with_columns(label=class_labels(clips.table, labels))
    twins = table.filter(pl.col("recording").is_duplicated())
    named = pl.format("{} ({})", "clip", pl.coalesce("label", "emotion"))
    groups = twins.group_by("recording", maintain_order=True).agg(
        kind=pl.when(pl.col("hash").n_unique() == 1).then(pl.lit("identical")).otherwise(pl.lit("near-identical")),
        torn=pl.col("label").n_unique() > 1,
        said=named.head(MOST_TWINS).str.join(", "),
        more=pl.when(pl.len() > MOST_TWINS).then(pl.lit(", ...")).otherwise(pl.lit("")),
    )
    reason = pl.format("{} audio bears two labels: {}{}", "kind", "said", "more")
    conflicts = groups.filter("torn").select("recording", reason=reason)
    torn = table.join(conflicts, on="recording", how="inner", maintain_order="left")
    table = table.filter(pl.col("label").is_not_null()).join(torn, on="clip", how="anti", maintain_order="left")
    notes = [f"left out, as {why}" for why in conflicts["reason"]]
    return replace(
        clips,
        table=table,
        twins=twins,
        left_out=(*clips.left_out, *torn.select("path", "reason").iter_rows()),
        notes=(*clips.notes, *_few(notes)),
    )


def _few(notes: list[str], most: int = 10) -> list[str]:
    return notes[:most] + ([f"and {len(notes) - most} more recordings like these"] if len(notes) > most else [])


def listed(bad: Sequence[tuple[str, str]], most: int = MOST_LISTED) -> str:
    """One line a file, `path: reason`; the count of those beyond `most`."""
    lines = [f"  {path}: {reason}" for path, reason in bad[:most]]
    more = [f"  and {len(bad) - most} more"] if len(bad) > most else []
    return "\n".join(lines + more)


def _remarks(table: pl.DataFrame) -> list[str]:
    """What the store noticed of usable files: odd samples, several channels, odd rates, clips cut to one length."""
    remarks = [f"{row['clip']}: {row['note']}" for row in table.filter(pl.col("note") != "").iter_rows(named=True)]
    downmixed = table.filter(pl.col("channels") > 1)["clip"].to_list()
    if downmixed:
        one = len(downmixed) == 1
        clips = "1 clip with several channels was" if one else f"{len(downmixed)} clips with several channels were"
        remarks.append(f"{clips} downmixed to one: {_named(downmixed, 3)}")
    for (corpus,), rows in table.group_by("corpus", maintain_order=True):
        remarks += [f"{corpus}: {remark}" for remark in (*_odd_rates(rows), *_equal_lengths(rows))]
    return remarks


def _odd_rates(rows: pl.DataFrame) -> list[str]:
    """The few files whose rate is not that of most of their corpus: each was resampled from its own."""
    rates = rows.group_by("file_rate").agg(pl.len(), "clip").sort("len", "file_rate", descending=True)
    usual, few = rates[:1], rates[1:].filter(pl.col("len") <= FEW * len(rows))
    if len(rates) - 1 != len(few) or few.is_empty():
        return []
    odd = [
        f"{num} {'has' if num == 1 else 'have'} {rate} Hz: {_named(sorted(clips), 3)}"
        for rate, num, clips in few.iter_rows()
    ]
    return [f"most files have {usual['file_rate'][0]} Hz, but {'; '.join(odd)}"]


def _equal_lengths(rows: pl.DataFrame) -> list[str]:
    if len(rows) < MANY or rows["length"].n_unique() > 1:
        return []
    return [f"all {len(rows)} clips last {rows['seconds'][0]:.3f} s: this is a cut or padded copy, not the recordings"]


def _named(clips: Sequence[str], most: int = 5) -> str:
    return ", ".join(clips[:most]) + (", ..." if len(clips) > most else "")
