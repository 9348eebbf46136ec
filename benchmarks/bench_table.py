"""How long a user's own table takes, and how much memory: `corpus=table` of 10,000 and of 1,000,000 rows.

    taskset -c 0 python benchmarks/bench_table.py

Each Parquet table names files that do not exist, as nothing opens them: half of the rows are segments, a tenth
share their file's name with a clip of another folder. Each measurement is a fresh process; `memory` is the most it
ever held (ru_maxrss), Python and Polars included. The table gives medians.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from measuring import machine
from ser_lightning.corpora.table import Table
from ser_lightning.data.manifest import to_table

ROWS = (10_000, 1_000_000)
REPEATS = 3
EMOTIONS = ("happy", "Anger", "sadness", "neutral", "fear")


def write_rows(file: Path, num: int) -> None:
    """Rows of 500 a speaker and 50 a folder: by turns three stretches of one recording, and three files."""
    row = pl.int_range(num, dtype=pl.Int64)
    cut = row // 3 % 2 == 0
    first = pl.when(cut).then(row // 3 * 3).otherwise(row)
    name = pl.when(~cut & (row % 5 == 4)).then(row % 50).otherwise(first)
    start = pl.when(cut).then(row % 3 * 2.5)
    pl.select(
        path=pl.format("audio/speaker{}/session{}/clip_{}.wav", row // 500, first // 50, name),
        emotion=pl.lit(pl.Series(EMOTIONS)).gather(row % len(EMOTIONS)),
        speaker=pl.format("speaker{}", row // 500),
        sex=pl.when(row // 500 % 2 == 0).then(pl.lit("f")).otherwise(pl.lit("m")),
        text=pl.format("sentence {}", row % 200),
        take=pl.format("{}", row % 3),
        start=start,
        end=start + 2.4,
    ).write_parquet(file)


def measure(file: str) -> dict[str, float]:
    """Seconds of the scan, seconds of the table made of it, most memory in MiB."""
    start = time.perf_counter()
    scan = Table(root=file).scan()
    middle = time.perf_counter()
    to_table(scan.clips)
    end = time.perf_counter()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"scan, s": middle - start, "to_table, s": end - middle, "memory, MiB": most}


def measured(file: Path) -> list[float]:
    """The medians of several fresh processes."""
    command = [sys.executable, __file__, str(file)]
    runs = [json.loads(subprocess.check_output(command)) for _ in range(REPEATS)]
    return [statistics.median(run[what] for run in runs) for what in runs[0]]


def main() -> None:
    print(f"{machine('polars')}\n")
    print("| rows | scan, s | to_table, s | memory, MiB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for num in ROWS:
            file = Path(folder, f"{num}.parquet")
            write_rows(file, num)
            scan, table, memory = measured(file)
            print(f"| {num:,} | {scan:.2f} | {table:.2f} | {memory:,.0f} |")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
