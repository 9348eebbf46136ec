"""Whether a million clips are as quick to open, to read and to split as a thousand.

    python benchmarks/bench_scale.py

Stores of 1,000 and of 1,000,000 clips of three seconds are made as sparse files, with their index and their table of
clips. Each is opened in processes of its own, which tell their memory after 200 batches. Batches of both are timed in
turn, from the page cache, and their ratio is taken within each pair. Splits and the leak check are of the larger.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path

import numpy as np
import polars as pl

from measuring import machine, seconds
from ser_lightning.corpora.columns import COLUMNS
from ser_lightning.data.leaks import find_leaks
from ser_lightning.data.samples import shard_length, shard_path
from ser_lightning.data.splits.base import Splitter
from ser_lightning.data.splits.emobox import EmoBox
from ser_lightning.data.splits.fixed import Fixed
from ser_lightning.data.splits.kfold import KFold
from ser_lightning.data.splits.one_corpus_out import OneCorpusOut
from ser_lightning.data.splits.one_speaker_out import OneSpeakerOut
from ser_lightning.data.splits.random import Random
from ser_lightning.data.splits.speaker import Speaker
from ser_lightning.data.splits.text import Text
from ser_lightning.data.store import SHARD_SIZE, TAIL_SECONDS, Store, open_store
from ser_lightning.data.windows import Layout, Request, TrainBatches, Windows
from ser_lightning.files import map_columns, write_columns

RATE = 16000
LENGTH = 3 * RATE
BATCH, NUM_BATCHES = 32, 200
REPEATS = 7
EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
SEED = 0


def make_table(num: int) -> pl.DataFrame:
    """Clips of 20 corpora, 500 by each speaker, 5,000 texts; one in a hundred is a copy of the one before it."""
    row = pl.int_range(num, dtype=pl.Int64)
    said = row - (row % 100 == 1)
    speaker = row // 500
    number = pl.format("{}", row).str.zfill(7)
    table = pl.select(
        name=number,
        corpus=pl.format("corpus{}", (speaker % 20).cast(pl.String).str.zfill(2)),
        speaker=pl.format("speaker{}", speaker.cast(pl.String).str.zfill(4)),
        sex=pl.when(speaker % 40 < 20).then(pl.lit("female")).otherwise(pl.lit("male")),
        text=pl.format("the words of text {}", said * 7919 % 5000),
        intensity=pl.lit("normal"),
        take=pl.lit(""),
        emotion=pl.lit(pl.Series(EMOTIONS)).gather(said * 7907 % len(EMOTIONS)),
        hash=(said.hash(SEED).cast(pl.String) + pl.lit("0" * 32)).str.head(32),
        start=pl.lit(None, dtype=pl.Float64),
        end=pl.lit(None, dtype=pl.Float64),
    )
    clip = pl.format("{}/{}/{}", "corpus", "speaker", "name")
    table = table.with_columns(clip=clip, path=pl.format("/data/corpora/{}.wav", clip), label="emotion")
    return table.with_columns(recording=pl.col("clip").first().over("hash")).sort("clip")


def make_store(folder: Path, table: pl.DataFrame) -> None:
    """A store of zeros, and the table beside it."""
    folder.mkdir()
    tail, in_a_shard = TAIL_SECONDS * RATE, SHARD_SIZE // LENGTH
    row = np.arange(len(table))
    shard = row // in_a_shard
    whole = [shard_length(num * LENGTH, tail) for num in np.bincount(shard).tolist()]
    for number, num in enumerate(whole):
        shard_path(folder, number).touch()
        os.truncate(shard_path(folder, number), 2 * num)
    index = table.select(
        "hash",
        length=pl.lit(LENGTH, pl.Int64),
        offset=pl.Series(row % in_a_shard * LENGTH + shard * whole[0]),
        file_rate=pl.lit(RATE, pl.Int32),
        channels=pl.lit(1, pl.Int32),
        note=pl.lit("", pl.Categorical),
        error=pl.lit("", pl.Categorical),
    )
    pairs = pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64, "correlation": pl.Float64})
    for frame, name in ((index, "index"), (pairs, "pairs"), (table.select("clip", *COLUMNS), "table")):
        write_columns(folder / f"{name}.arrow", frame)
    about = {"format": 0, "rate": RATE, "clips": len(table), "shards": int(shard[-1]) + 1}
    (folder / "about.json").write_text(json.dumps(about))


def requests_of(store: Store) -> tuple[Windows, list[Request]]:
    """A store's windows, and an epoch's first batches."""
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[np.arange(len(store.index)) % len(EMOTIONS)]
    layout = Layout(store.index["offset"].to_numpy(), store.index["length"].to_numpy())
    rows = np.arange(len(store.index))
    batches = TrainBatches(layout, rows, window=LENGTH, batch_size=BATCH, seed=SEED)
    drawn = list(islice(chain.from_iterable(repeat(batches)), NUM_BATCHES))
    return Windows(store.samples, targets, window=LENGTH), drawn


def take(windows: Windows, requests: list[Request]) -> None:
    """Answer requests one after the other, as a loader that keeps no batch."""
    for request in requests:
        windows[request]


def measure(folder: Path) -> dict[str, float]:
    """Seconds to open a store and its table, and this process's anonymous memory (MB): with batches, with the table."""
    start = time.perf_counter()
    store = open_store(folder)
    opened = time.perf_counter() - start
    windows, requests = requests_of(store)
    take(windows, requests)
    batches = anonymous_mb()
    start = time.perf_counter()
    table = map_columns(folder / "table.arrow")
    listed = time.perf_counter() - start
    assert len(table) == len(store.index)
    return {"opened": opened, "listed": listed, "batches": batches, "table": anonymous_mb()}


def anonymous_mb() -> float:
    """Memory of this process that no file stands for."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) / 1024


def in_a_fresh_process(folder: Path) -> dict[str, float]:
    """What `measure` gives; the medians of three processes."""
    command = [sys.executable, __file__, "--measure", str(folder)]
    told = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(3)]
    return {key: statistics.median(one[key] for one in told) for key in told[0]}


def batch_seconds(small: Path, large: Path) -> list[tuple[float, float]]:
    """How long the batches of each take, in turn; the first, that fills the page cache, is not counted."""
    (windows, requests), (more_windows, more_requests) = (requests_of(open_store(folder)) for folder in (small, large))
    times = [
        (
            seconds(partial(take, windows, requests)),
            seconds(partial(take, more_windows, more_requests)),
        )
        for _ in range(1 + REPEATS)
    ]
    return times[1:]


def write_emobox(folder: Path, table: pl.DataFrame) -> None:
    """A checkout of EmoBox that has all clips, a fifth of each corpus for testing."""
    for (corpus,), rows in table.group_by("corpus"):
        fold = folder / "data" / str(corpus) / "fold_1"
        fold.mkdir(parents=True)
        num_test = len(rows) // 5
        for part, names in (("test", rows["name"][:num_test]), ("train", rows["name"][num_test:])):
            entries = {name: {"wav": f"downloads/{corpus}/{name}.wav", "length": 3.0, "emo": "sad"} for name in names}
            (fold / f"{corpus}_{part}_fold_1.json").write_text(json.dumps(entries))


def splitters(folder: Path, table: pl.DataFrame) -> dict[str, Splitter]:
    """One of each file in conf/split, with the lists that two of them need."""
    is_test = pl.int_range(pl.len()) % 5 == 0
    part = pl.when(is_test).then(pl.lit("test")).otherwise(pl.lit("train"))
    table.select("clip", part=part).write_csv(folder / "fixed.csv")
    write_emobox(folder / "EmoBox", table)
    return {
        "random": Random(),
        "classic": Random(stratify=False),
        "speaker": Speaker(),
        "text": Text(),
        "kfold": KFold(),
        "one_speaker_out": OneSpeakerOut(),
        "one_corpus_out": OneCorpusOut(),
        "fixed": Fixed(file=str(folder / "fixed.csv")),
        "emobox": EmoBox(root=str(folder / "EmoBox")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--measure", type=Path, help="only open this store, in the process that was started for it")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    print(f"{machine('numpy', 'polars', 'pyarrow', 'torch')}\n")
    with tempfile.TemporaryDirectory() as name:
        report(Path(name), arguments.clips)


def report(folder: Path, num: int) -> None:
    table = make_table(num)
    small, large = folder / "small", folder / "large"
    make_store(small, table[:1000])
    make_store(large, table)
    print(f"| | 1,000 clips | {num:,} clips |\n|---|---|---|")
    report_store(small, large)
    for kind, splitter in splitters(folder, table).items():
        print(f"| split={kind}, s | | {seconds(partial(splitter.split, table)):.1f} |", flush=True)
    split = table.with_columns(part=Random().split(table).parts)
    twins = table.filter(pl.col("recording").is_duplicated())
    print(f"| leak check, s | | {seconds(partial(find_leaks, split, twins, policy='warn')):.1f} |")


def report_store(small: Path, large: Path) -> None:
    """The rows of the table that compare both stores."""
    one, other = in_a_fresh_process(small), in_a_fresh_process(large)
    print(f"| open the store, s | {one['opened']:.3f} | {other['opened']:.3f} |")
    print(f"| read the table of clips, s | {one['listed']:.3f} | {other['listed']:.3f} |")
    print(f"| anonymous memory after {NUM_BATCHES} batches, MB | {one['batches']:.0f} | {other['batches']:.0f} |")
    print(f"| and with the table, MB | {one['table']:.0f} | {other['table']:.0f} |")
    times = np.array(batch_seconds(small, large))
    rates, ratios = NUM_BATCHES / np.median(times, axis=0), times[:, 0] / times[:, 1]
    print(f"| batches of {BATCH} a second | {rates[0]:.0f} | {rates[1]:.0f} |")
    print(f"| their ratio | | {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f}) |", flush=True)


if __name__ == "__main__":
    main()
