"""What a reader should know of a corpus before training on it, in sentences with their counts."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ser_lightning.card.statistics import TextUse, Twins, explained, spread

ZERO_SECONDS = 0.05
MOST_NAMED = 12


def count(number: int, word: str) -> str:
    """A number and its noun.

    >>> count(1, "clip"), count(7442, "clip")
    ('1 clip', '7,442 clips')
    """
    return f"{number:,} {word}{'s' * (number != 1)}"


def listing(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def text_finding(use: TextUse) -> str:
    """Whether the text of a corpus is confounded with the emotion."""
    if not use.texts:
        return f"{use.corpus}: the texts are not known, so it cannot be said whether they tell the emotion."
    untold = f" The text of {count(use.untold, 'clip')} is not known." if use.untold else ""
    texts = count(use.texts, "text")
    if use.emotions < 2:
        return f"{use.corpus}: {texts}, and one emotion for them to go with.{untold}"
    if not use.tied:
        return (
            f"{use.corpus}: {texts}, none of which occurs in one emotion only: the words alone do not tell "
            f"the emotion.{untold}"
        )
    once = f" ({count(use.once, 'text')} of them spoken only once)" if use.once else ""
    return (
        f"{use.corpus}: {use.tied:,} of {texts} {'occurs' if use.tied == 1 else 'occur'} in one emotion only{once}, "
        f"in {use.tied_clips:,} of {count(use.clips, 'clip')} ({use.tied_clips / use.clips:.0%}): a model may learn "
        f"the words in place of the voice, also where speakers are disjoint.{untold}"
    )


def balance_finding(table: pl.DataFrame) -> str:
    """How far the emotions are from equally frequent."""
    counts = table.group_by("emotion").len().sort("len", "emotion")
    least, most = counts.row(0), counts.row(-1)
    if least[1] == most[1]:
        return f"Every emotion has {count(least[1], 'clip')}."
    share = most[1] / len(table)
    return (
        f"The rarest emotion, {least[0]}, has {count(least[1], 'clip')}, the most frequent {most[1]:,}: who always "
        f"names that one is right in {share:.0%} of the clips."
    )


def level_finding(table: pl.DataFrame) -> str:
    """How far loudness alone tells the emotion and the speaker."""
    sentences = [
        sentence
        for by in ("emotion", "speaker")
        if (sentence := _level_range(spread(table, by, "rms_db").sort("median"), by))
    ]
    shares = {by: explained(table, by, "rms_db") for by in ("emotion", "speaker")}
    told = [f"the {by} explains {share:.0%}" for by, share in shares.items() if share is not None]
    if told:
        sentences.append(f"Of the variance of loudness {' and '.join(told)}.")
    return " ".join(sentences) or "Loudness cannot be compared: there is one emotion and one speaker."


def _level_range(medians: pl.DataFrame, by: str) -> str:
    if len(medians) < 2:
        return ""
    soft, loud = medians.row(0, named=True), medians.row(-1, named=True)
    return (
        f"The loudest {by} is {loud['name']} (median {loud['median']:.1f} dBFS), the softest {soft['name']} "
        f"({soft['median']:.1f} dBFS)."
    )


def zeros_finding(table: pl.DataFrame) -> str | None:
    """Digital silence at the start, and whether it is some speakers' habit; None where there is none."""
    zeros = table.with_columns(begins=pl.col("zeros") > ZERO_SECONDS)
    total = int(zeros["begins"].sum())
    if not total:
        return None
    shares = zeros.group_by("speaker").agg(pl.col("begins").mean()).filter(pl.col("begins") > 0.5).sort("speaker")
    habit = f"; more than half of the clips of {listing(shares['speaker'].to_list())}" if len(shares) else ""
    verb = "begins" if total == 1 else "begin"
    return (
        f"{count(total, 'clip')} {verb} with more than {1000 * ZERO_SECONDS:.0f} ms of exact zeros{habit}: "
        "silence that a microphone never gives can tell the speaker."
    )


def twin_finding(twins: Sequence[Twins]) -> str | None:
    """How many recordings are there more than once, and what is wrong with them; None where there are none."""
    if not twins:
        return None
    conflicting = sum(one.conflicting for one in twins)
    names = sum(len(set(one.speakers)) > 1 for one in twins)
    wrong = [f"{conflicting} under several emotions"] * bool(conflicting)
    wrong += [f"{names} under several speakers"] * bool(names)
    how = f", {' and '.join(wrong)}" if wrong else ", each under one emotion and one speaker"
    return f"{count(len(twins), 'recording')} {'is' if len(twins) == 1 else 'are'} there more than once{how}."


def bad_finding(left_out: int, usable: int) -> str | None:
    """How many files are no use; None where all are."""
    if not left_out:
        return None
    return f"{left_out:,} of {count(left_out + usable, 'file')} cannot be used; they are listed below with the reason."


def findings(table: pl.DataFrame, uses: Sequence[TextUse], repeated: Sequence[Twins], *, left_out: int) -> list[str]:
    """All of them, what spoils a score first."""
    told = [
        *(text_finding(use) for use in uses),
        level_finding(table),
        zeros_finding(table),
        balance_finding(table),
        twin_finding(repeated),
        bad_finding(left_out, len(table)),
    ]
    return [sentence for sentence in told if sentence is not None]
