"""The data card as a page: everything measured once, drawn, and written with its pictures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from matplotlib.figure import Figure

from ser_lightning.card import figures, statistics
from ser_lightning.card.findings import count, findings
from ser_lightning.card.levels import with_levels
from ser_lightning.card.mel_figures import differences_figure, means_figure
from ser_lightning.card.spectra import LogMel, mean_log_mels
from ser_lightning.corpora.base import Origin
from ser_lightning.data.clips import Clips, with_labels
from ser_lightning.drawing import png
from ser_lightning.emotions import LabelSet
from ser_lightning.pages import data_uri, render, write_page

LEVEL = "loudness, dBFS"


@dataclass(frozen=True, kw_only=True)
class LabelUse:
    """What a label set makes of the corpus: clips of each class, and what it merges, drops and cannot decide."""

    name: str
    classes: dict[str, int]
    merged: dict[str, int]
    dropped: dict[str, int]
    torn: int


def label_use(clips: Clips, labels: LabelSet) -> LabelUse:
    """Count; `torn` clips are left out because their recording bears two labels."""
    emotions = clips.table["emotion"].to_list()
    taken = with_labels(clips, labels).table
    found = dict(taken.group_by("label").len().iter_rows())
    dropped = labels.dropped(emotions)
    return LabelUse(
        name=labels.name,
        classes={label: found.get(label, 0) for label in labels.labels},
        merged=labels.merged(emotions),
        dropped=dropped,
        torn=len(emotions) - sum(dropped.values()) - len(taken),
    )


def write_card(clips: Clips, labels: LabelSet, folder: Path) -> Path:
    """Measure the clips, write `<folder>/index.html` and the PNGs beside it; return the page's path."""
    store = clips.store
    table = with_levels(statistics.readable(clips.table), store.samples, store.rate)
    table = statistics.without_texts(table, [origin.corpus for origin in clips.origins if origin.texts_per_emotion])
    emotions = statistics.emotion_order(table)
    log_mel = LogMel(store.rate)
    means = mean_log_mels(table, store.samples, emotions, log_mel)
    drawn = _figures(table, emotions)
    drawn["log_mel"] = means_figure(means, emotions, log_mel.bands_hz)
    if len(emotions) > 1:
        drawn["log_mel_difference"] = differences_figure(means, emotions, log_mel.bands_hz)
    pictures = {name: png(figure) for name, figure in drawn.items()}
    return write_page(folder, _page(clips, table, label_use(clips, labels), pictures), pictures)


def _figures(table: pl.DataFrame, emotions: Sequence[str]) -> dict[str, Figure]:
    sexes = statistics.sex_order(table)
    colours = figures.sex_colours(sexes)
    speakers = speaker_table(table)
    names = speakers["name"].to_list()
    texts = _texts(table, emotions)
    drawn = {
        "emotions": figures.emotions_figure(
            statistics.crossed(table, "emotion", "sex", emotions, sexes), emotions, colours
        ),
        "speakers": figures.speakers_figure(speakers, colours),
        "crossed": figures.crossed_figure(
            statistics.crossed(table, "speaker", "emotion", names, emotions), names, emotions, "speakers"
        ),
        "durations": figures.durations_figure(table["seconds"].to_numpy()),
        "emotion_seconds": _by_emotion(table, "seconds", "seconds", emotions),
        "emotion_levels": _by_emotion(table, "rms_db", LEVEL, emotions),
        "speaker_levels": _by_speaker(table, "rms_db", LEVEL, colours),
        "leads": _by_speaker(table, "lead", "seconds before sound begins", colours, reach=0.1),
        "trails": _by_speaker(table, "trail", "seconds after sound ends", colours, reach=0.1),
    }
    if texts:
        drawn["texts"] = figures.crossed_figure(
            statistics.crossed(table, "text", "emotion", texts, emotions), texts, emotions, "texts"
        )
    return drawn


def speaker_table(table: pl.DataFrame) -> pl.DataFrame:
    """A row a speaker, by name: `name`, `sex` (that of most clips), `clips`, and the medians of what was measured."""
    medians = [pl.col(column).median() for column in ("seconds", "rms_db", "lead", "trail")]
    grouped = table.group_by("speaker").agg(pl.col("sex").mode().sort().first(), pl.len().alias("clips"), *medians)
    return grouped.sort("speaker").rename({"speaker": "name"})


def _texts(table: pl.DataFrame, emotions: Sequence[str]) -> list[str]:
    """The texts, those of the same emotions side by side, so that texts of one emotion form blocks."""
    number = {emotion: index for index, emotion in enumerate(emotions)}
    held: dict[str, set[int]] = {}
    for text, emotion in table.filter(pl.col("text") != "").select("text", "emotion").iter_rows():
        held.setdefault(text, set()).add(number[emotion])
    return sorted(held, key=lambda text: (-len(held[text]), sorted(held[text]), text))


def _by_emotion(table: pl.DataFrame, column: str, label: str, emotions: Sequence[str]) -> Figure:
    rows = statistics.spread(table, "emotion", column)
    rows = pl.DataFrame({"name": emotions}).join(rows, on="name", how="left", maintain_order="left")
    return figures.spread_figure(rows, label, "emotions", [figures.BLUE] * len(rows))


def _by_speaker(
    table: pl.DataFrame, column: str, label: str, colours: Mapping[str, str], *, reach: float | None = None
) -> Figure:
    rows = statistics.spread(table, "speaker", column).sort("median", "name")
    sexes = dict(speaker_table(table).select("name", "sex").iter_rows())
    return figures.spread_figure(rows, label, "speakers", [colours[sexes[name]] for name in rows["name"]], reach=reach)


def _page(clips: Clips, table: pl.DataFrame, use: LabelUse, pictures: Mapping[str, bytes]) -> str:
    emotions, sexes = statistics.emotion_order(table), statistics.sex_order(table)
    speakers = speaker_table(table)
    names = speakers["name"].to_list()
    uses, repeated = statistics.text_use(table), statistics.twins(table)
    medians = table.group_by("emotion").agg(pl.col("seconds", "rms_db").median())
    return render(
        "ser_lightning.card",
        "card.html.j2",
        filters={"count": "{:,}".format, "noun": count},
        corpora=statistics.totals(table),
        origins=_origins(clips, table),
        findings=findings(table, uses, repeated, left_out=len(clips.left_out)),
        clips=len(table),
        hours=table["seconds"].sum() / 3600,
        seconds=[table["seconds"].min(), table["seconds"].median(), table["seconds"].max()],
        emotions=emotions,
        sexes=dict(zip(sexes, [(table["sex"] == sex).sum() for sex in sexes], strict=True)),
        medians={row["emotion"]: row for row in medians.iter_rows(named=True)},
        by_sex=statistics.crossed(table, "emotion", "sex", emotions, sexes).tolist(),
        speakers=list(speakers.iter_rows(named=True)),
        by_speaker=statistics.crossed(table, "speaker", "emotion", names, emotions).tolist(),
        many=len(speakers) > figures.MOST_NAMED,
        uses=uses,
        most_texts=figures.MOST_COLUMNS,
        rate=clips.store.rate,
        formats=statistics.formats(table),
        twins=repeated,
        left_out=clips.left_out,
        copies=clips.num_copies,
        notes=clips.notes,
        use=use,
        pictures={name: data_uri("image/png", content) for name, content in pictures.items()},
    )


def _origins(clips: Clips, table: pl.DataFrame) -> list[Origin]:
    """One a corpus that has clips; of one that nobody described, its name."""
    known = {origin.corpus: origin for origin in clips.origins}
    return [known.get(name, Origin(corpus=name, labels="")) for name in sorted(set(table["corpus"].to_list()))]
