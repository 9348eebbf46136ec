"""Tables of clips for tests of splitters: of given rows, and in the shape of five real corpora."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import polars as pl
import pytest

from ser_lightning.data.splits.base import Split, Splitter

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
EMODB = {  # clips of each speaker by W L E A F T N, from the fact sheet
    "03": (14, 5, 1, 4, 7, 7, 11),
    "08": (12, 10, 0, 6, 11, 9, 10),
    "09": (13, 4, 8, 1, 4, 4, 9),
    "10": (10, 8, 1, 8, 4, 3, 4),
    "11": (11, 8, 2, 10, 8, 7, 9),
    "12": (12, 5, 2, 6, 2, 4, 4),
    "13": (12, 10, 8, 7, 10, 5, 9),
    "14": (16, 8, 8, 12, 8, 10, 7),
    "15": (13, 9, 5, 8, 6, 4, 11),
    "16": (14, 14, 11, 7, 11, 9, 5),
}
EMODB_CODES = dict(zip("WLEAFTN", ("angry", "boredom", "disgust", "fear", "happy", "sad", "neutral"), strict=True))
EMODB_TEXTS = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")
CREMAD_SENTENCES = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
Rows = Sequence[tuple[str, ...]]


def make_table(rows: Rows, corpus: str = "c") -> pl.DataFrame:
    """A row a clip from its speaker, sex, text, label, and optional recording and name; empty ones are its own."""
    filled = [(*row, "", "")[:6] for row in rows]
    names = [row[5] or f"{number:04}" for number, row in enumerate(filled)]
    columns = {
        "clip": [f"{corpus}/{row[0]}/{name}" for row, name in zip(filled, names, strict=True)],
        "name": names,
        "corpus": [corpus] * len(rows),
        **{key: [row[at] for row in filled] for at, key in enumerate(("speaker", "sex", "text", "label"))},
        "recording": [row[4] or f"{corpus}{number}" for number, row in enumerate(filled)],
    }
    return pl.DataFrame(columns, schema_overrides=dict.fromkeys(columns, pl.String))


def tess_rows() -> Rows:
    cells = product(("OAF", "YAF"), range(200), EMOTIONS)
    return [(s, "female", f"word {word}", emotion, "", f"{s}_w{word}_{emotion}") for s, word, emotion in cells]


def ravdess_rows() -> Rows:
    emotions = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgust", "surprise")
    return [
        (
            f"actor{actor:02}",
            ("female", "male")[actor % 2],
            ("Kids", "Dogs")[statement - 1],
            emotions[code - 1],
            "",
            f"03-01-{code:02}-{level:02}-{statement:02}-{take:02}-{actor:02}",
        )
        for actor, code, level, statement, take in product(range(1, 25), range(1, 9), (1, 2), (1, 2), (1, 2))
        if code > 1 or level == 1
    ]


def savee_rows() -> Rows:
    codes = dict(zip(("a", "d", "f", "h", "sa", "su", "n"), EMOTIONS, strict=True))
    return [
        (s, "male", f"{code}{number:02}", label, "", f"{s}_{code}{number:02}")
        for s, (code, label) in product(("DC", "JE", "JK", "KL"), codes.items())
        for number in range(1, 31 if code == "n" else 16)
    ]


def cremad_rows() -> Rows:
    """7,462 names of the pattern, less the 20 that were never recorded, here the first of each emotion."""
    codes = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
    cells = [
        (actor, sentence, code, level)
        for actor, sentence, code in product(range(1001, 1092), CREMAD_SENTENCES, codes)
        for level in (("LO", "MD", "HI") if sentence == "IEO" and code != "NEU" else ("XX",))
    ]
    missing = {cell for code in codes for cell in [c for c in cells if c[2] == code][: 5 if code == "NEU" else 3]}
    return [
        (str(a), ("female", "male")[a % 2], s, code, "", f"{a}_{s}_{code}_{level}")
        for a, s, code, level in cells
        if (a, s, code, level) not in missing
    ]


def emodb_rows() -> Rows:
    rows = []
    for speaker, counts in EMODB.items():
        sex = "male" if speaker in ("03", "10", "11", "12", "15") else "female"
        for (code, label), count in zip(EMODB_CODES.items(), counts, strict=True):
            for number in range(count):
                text = EMODB_TEXTS[number % 10]
                rows.append((speaker, sex, text, label, "", f"{speaker}{text}{code}{'ab'[number // 10]}"))
    return rows


SHAPES = {
    "tess": tess_rows,
    "ravdess": ravdess_rows,
    "savee": savee_rows,
    "cremad": cremad_rows,
    "emodb": emodb_rows,
}


@dataclass(frozen=True)
class Made:
    """A split table, to be asked about."""

    table: pl.DataFrame
    split: Split

    def of(self, column: str, part: str) -> set[str]:
        """The distinct values of a column in a part."""
        return set(self.table.filter(part=part)[column])

    def count(self, column: str = "part", **where: str) -> Counter[str]:
        """How often each value is there."""
        return Counter(self.table.filter(**where)[column].to_list())

    def sizes(self) -> tuple[int, int, int]:
        """Clips of train, val, test."""
        counts = self.count()
        return counts["train"], counts["val"], counts["test"]


@pytest.fixture(scope="session")
def table() -> Callable[..., pl.DataFrame]:
    """`table(rows, corpus)`: see `make_table`."""
    return make_table


@pytest.fixture(scope="session")
def shaped() -> dict[str, pl.DataFrame]:
    """Tables of the size, speakers, labels and names of five corpora, by their names."""
    return {name: make_table(rows(), name) for name, rows in SHAPES.items()}


@pytest.fixture(scope="session")
def cut() -> Callable[[Splitter, pl.DataFrame], Made]:
    """`cut(splitter, clips)`: the clips with their part."""

    def apply(splitter: Splitter, clips: pl.DataFrame) -> Made:
        split = splitter.split(clips)
        return Made(clips.with_columns(part=split.parts), split)

    return apply
