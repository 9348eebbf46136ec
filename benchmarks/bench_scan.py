"""How long it takes to list a corpus of 100,000 file names: scan, and the table made of it.

    python benchmarks/bench_scan.py

The files are empty, and lie in copies of the tree under a temporary folder, as names of a corpus are few: 36 times
TESS's 2,800, 42 times RAVDESS's 2,452. Each is listed several times over; the table gives medians and extremes.
"""

from __future__ import annotations

import itertools
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ser_lightning.corpora.base import Corpus
from ser_lightning.corpora.ravdess import Ravdess
from ser_lightning.corpora.tess import Tess
from ser_lightning.data.manifest import to_table

TIMES = 5
CORPORA: dict[str, Callable[[str], Corpus]] = {
    "tess": lambda root: Tess(data_dir=".", root=root),
    "ravdess": lambda root: Ravdess(data_dir=".", root=root, channel="both"),
}


def tess() -> Iterator[str]:
    """2,800 names in 14 folders, with made-up words."""
    emotions = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")
    words = ["".join(letters) for letters in itertools.islice(itertools.product("abcdefghijklmnop", repeat=2), 200)]
    for speaker, emotion, word in itertools.product(("OAF", "YAF"), emotions, words):
        yield f"{speaker}_{emotion}/{speaker}_{word}_{emotion}.wav"


def ravdess() -> Iterator[str]:
    """1,440 spoken and 1,012 sung clips in 24 folders."""
    for actor, emotion, strong, text, take in itertools.product(range(1, 25), range(1, 9), (1, 2), (1, 2), (1, 2)):
        if (emotion, strong) != (1, 2):
            name = f"{emotion:02}-{strong:02}-{text:02}-{take:02}-{actor:02}.wav"
            yield f"Actor_{actor:02}/03-01-{name}"
            if emotion < 7 and actor != 18:
                yield f"Actor_{actor:02}/03-02-{name}"


def plant(root: Path, names: Iterator[str], copies: int) -> int:
    """Make empty files of all names, so many times over; how many there are."""
    every = list(names)
    for copy in range(copies):
        for name in every:
            path = root / str(copy) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return copies * len(every)


def seconds(function: Callable[[], object]) -> str:
    """Median and extremes of several calls."""
    taken = []
    for _ in range(TIMES):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return f"{statistics.median(taken):.2f} ({min(taken):.2f} to {max(taken):.2f})"


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.platform()}\n")
    print("| corpus | files | scan, s | scan and table, s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, names, copies in (("tess", tess(), 36), ("ravdess", ravdess(), 42)):
            root = Path(folder, name)
            num = plant(root, names, copies)
            print(f"| {name} | {num:,} | {' | '.join(measured(CORPORA[name](str(root))))} |")


def measured(corpus: Corpus) -> tuple[str, str]:
    """Scanning alone, and with the table."""
    return seconds(corpus.scan), seconds(lambda: to_table(corpus.scan().clips))


if __name__ == "__main__":
    main()
