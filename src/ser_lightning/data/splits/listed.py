"""Pure: clips placed by a published list, and the val part that such lists often lack."""

from __future__ import annotations

import polars as pl

from ser_lightning.data.speakers import voices
from ser_lightning.data.splits.base import few
from ser_lightning.data.splits.cut import Cut, by_recording, by_speaker_or_text, of_each_corpus
from ser_lightning.errors import UserError


def check_list(listed: pl.DataFrame, *, key: str, where: str) -> list[str]:
    """A problem where the list puts a clip in two parts."""
    torn = listed.unique().filter(pl.col(key).is_duplicated())[key].unique()
    if not len(torn):
        return []
    return [f"{where}: a clip may be in one part, {len(torn)} are listed with several: {few(torn)}; keep one row each"]


def place(table: pl.DataFrame, listed: pl.DataFrame, *, key: str, where: str) -> tuple[pl.Series, list[str]]:
    """The listed part of each row, null where there is none; and notes of what table and list do not share.

    `listed` has the columns key and part. Raises UserError where it knows none of the clips.
    """
    known = table[key].is_in(listed[key].unique().to_list())
    if not known.any():
        raise UserError(
            f"{where} knows none of the {len(table)} clips: it lists {few(listed[key].unique()) or 'none'}, "
            f"the data have {few(table[key].unique())}; is it the list of another corpus?"
        )
    parts = table.join(listed.unique(), on=key, how="left", maintain_order="left")["part"]
    counted = (
        ("are not listed, so they are in no part", table[key].filter(~known)),
        ("are listed without a part", table[key].filter(known & parts.is_null())),
        ("are listed, but not in the data", listed[key].filter(~listed[key].is_in(table[key].unique().to_list()))),
    )
    notes = [f"{where}: {len(clips)} clips {what}: {few(clips)}" for what, clips in counted if len(clips)]
    return parts, notes


def with_val(
    table: pl.DataFrame, parts: pl.Series, *, fraction: float, seed: int, where: str
) -> tuple[pl.Series, list[str]]:
    """`parts` of a list without val, with a val part cut from the training clips of each corpus; and notes of how.

    It is cut by speaker where the list keeps the corpus's speakers apart, else at random: a val part that is harder
    than the test would choose another checkpoint than it should.
    """
    tested = table.filter(parts.eq_missing(pl.Series(["test"])))
    heard = voices(tested).unique().to_list()

    def cut(rows: pl.DataFrame) -> Cut:
        nameless = rows["corpus"].unique() + "/"
        if (rows["speaker"] == "").any() or nameless.is_in(heard).any():
            why = "as not every speaker is known"
        elif voices(rows).is_in(heard).any():
            why = "as test speakers are in training too"
        else:
            return by_speaker_or_text(rows, least=2, fraction=fraction, seed=seed)
        made = by_recording(rows, fraction=fraction, seed=seed)
        return made._replace(how=f"{made.how}, {why}")

    made, told = of_each_corpus(table, parts, cut)
    return made, [f"{where} has no val part: that of {corpus} is cut from train {how}" for corpus, how in told]
