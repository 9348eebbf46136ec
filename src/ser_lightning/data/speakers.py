"""Pure: whose voice a clip is, for splits that keep speakers apart; speakers that share a recording count as one."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ser_lightning.errors import UserError, did_you_mean


def voices(table: pl.DataFrame) -> pl.Series:
    """The speaker of each row as corpus/speaker, as names are those of a corpus."""
    return table["corpus"] + "/" + table["speaker"]


def speaker_units(table: pl.DataFrame) -> pl.Series:
    """A name for the speaker of each row, as corpus/speaker; speakers that share a recording share a name.

    Raises UserError where a clip has no speaker.
    """
    unknown = table.filter(pl.col("speaker") == "")
    if len(unknown):
        raise UserError(
            f"a speaker-disjoint split needs the speaker of every clip; {len(unknown)} have none, "
            f"such as {unknown['clip'].sort()[0]}; add a speaker column, or use split=random"
        )
    return tied(voices(table), table["recording"])


def with_units(table: pl.DataFrame, *, split: str) -> tuple[pl.DataFrame, list[str]]:
    """The table with its `speaker_units` as the column unit, and their sorted names; raises UserError below two."""
    made = table.with_columns(unit=speaker_units(table))
    names = made["unit"].unique().sort().to_list()
    if len(names) < 2:
        told = [f"{voices_of(made, name)}{_why_tied(made, name)}" for name in names]
        raise UserError(
            f"split={split} needs at least 2 speakers, the data has {len(names)} "
            f"({', '.join(told) or 'none'}); use split=random, and mind what its score means"
        )
    return made, names


def voices_of(table: pl.DataFrame, unit: str) -> str:
    """The speakers that a unit stands for."""
    return " with ".join(voices(table.filter(pl.col("unit") == unit)).unique().sort())


def _why_tied(table: pl.DataFrame, unit: str) -> str:
    """That speakers count as one, and a recording that they share; empty where a unit is one speaker."""
    rows = table.filter(pl.col("unit") == unit).with_columns(voice=voices(table.filter(pl.col("unit") == unit)))
    shared = rows.filter(pl.col("voice").n_unique().over("recording") > 1).sort("recording", "clip")
    if shared.is_empty():
        return ""
    clips = shared.filter(pl.col("recording") == shared["recording"][0])["clip"].to_list()
    return f", who count as one as they share a recording: {' = '.join(clips[:3])}; one of the names must be wrong"


def tied(names: pl.Series, recordings: pl.Series) -> pl.Series:
    """`names`, where those that share a recording, directly or through others, all bear the least of theirs.

    >>> tied(pl.Series(["a", "b", "c", "d"]), pl.Series(["1", "2", "2", "3"])).to_list()
    ['a', 'b', 'b', 'd']
    """
    pairs = pl.DataFrame({"name": names, "recording": recordings}, schema_overrides={"name": pl.String}).unique()
    shared = pairs.filter(pl.col("recording").is_duplicated()).group_by("recording").agg("name")["name"].to_list()
    root = {name: name for group in shared for name in group}

    def find(name: str) -> str:
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for first, *others in shared:
        for other in others:
            one, two = find(first), find(other)
            root[max(one, two)] = min(one, two)
    return names.replace({name: find(name) for name in root}) if root else names


def named_units(key: str, wanted: Sequence[str | int], table: pl.DataFrame) -> set[str]:
    """The units of the speakers a user named in `key`, as `YAF` or `tess/YAF`; raises UserError with all problems."""
    known: dict[str, dict[str, str]] = {}
    for corpus, speaker, unit in table.select("corpus", "speaker", "unit").unique().sort(pl.all()).iter_rows():
        full = f"{corpus}/{speaker}"
        known.setdefault(speaker, {})[full] = unit
        known.setdefault(full, {})[full] = unit
    names = [str(name) for name in wanted]
    problems = [
        f"split.{key}: no clip is of speaker '{name}'"
        f"{did_you_mean(name, table['speaker'].unique()) or '; there are ' + ', '.join(sorted(known)[:5]) + ', ...'}"
        for name in names
        if name not in known
    ]
    problems += [
        f"split.{key}: '{name}' is a speaker of several corpora; name {' or '.join(sorted(known[name]))}"
        for name in names
        if len(known.get(name, ())) > 1
    ]
    if problems:
        raise UserError(problems)
    return {unit for name in names for unit in known[name].values()}
