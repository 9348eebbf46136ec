"""Pure: what is said in a clip, for splits that keep sentences apart; texts that share a recording count as one."""

from __future__ import annotations

import polars as pl

from ser_lightning.data.speakers import tied


def spoken(table: pl.DataFrame) -> pl.Series:
    """The text of each row without case and outer spaces; a text is the same in whatever corpus. Empty: unknown."""
    return table["text"].str.to_lowercase().str.strip_chars()


def text_units(table: pl.DataFrame) -> pl.Series:
    """A name for the text of each row, where texts that share a recording share it; unknown texts are each their own.

    >>> clips = pl.DataFrame({"text": ["Dogs", "dogs ", "", "Kids"], "recording": ["1", "2", "3", "4"]})
    >>> text_units(clips).n_unique()
    3
    """
    unknown = "\0" + table["recording"]
    text = spoken(table)
    return tied(text.zip_with(text != "", unknown), table["recording"])
