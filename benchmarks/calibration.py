"""What temperature scaling does to a run's test part: the calibration scores before and after it, with intervals.

    python benchmarks/calibration.py --run outputs/demo/latest
    python benchmarks/calibration.py --run multirun/ravdess_resnet18

The folder of a multirun whose jobs are folds is pooled: what was before is by the temperature of each fold itself.
The difference is that of the same speakers before and after, so its interval is narrower than theirs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import polars as pl

from ser_lightning.errors import UserError
from ser_lightning.evaluation.calibration import SCORES, without_temperature
from ser_lightning.evaluation.intervals import (
    Range,
    drawn_together,
    num_voices,
    paired_interval,
    resample_weights,
    said,
    table_intervals,
    too_few,
    voices,
)
from ser_lightning.evaluation.runs import FinishedRun, find_runs, read_finished
from ser_lightning.evaluation.scores import NAMES, all_scores
from ser_lightning.evaluation.tallies import table_sums, tally


def pooled(runs: Sequence[FinishedRun]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The test clips of all runs before and after their temperatures; no clip may be in two."""
    after = [run.predictions("test") for run in runs]
    temperatures = [run.metrics["calibration"]["temperature"] for run in runs]
    before = [
        without_temperature(table, run.labels, temperature)
        for run, table, temperature in zip(runs, after, temperatures, strict=True)
    ]
    both = pl.concat(before), pl.concat(after, how="vertical_relaxed")
    twice = int(both[1]["clip"].is_duplicated().sum())
    if len({run.labels for run in runs}) > 1 or twice:
        raise UserError(f"the runs are no folds of one: labels differ, or clips are tested twice ({twice} are)")
    return both


def difference(before: pl.DataFrame, after: pl.DataFrame, labels: Sequence[str]) -> dict[str, Range | None]:
    """The interval of after minus before, over the same resamples of speakers; None of too few speakers."""
    if too_few(before):
        return dict.fromkeys(SCORES)
    drawn = drawn_together(voices(before))
    weights = resample_weights(drawn.n_unique())
    tallies = [tally(table, labels, drawn) for table in (before, after)]
    old, new = (all_scores(of_table.weighted(weights)) for of_table in tallies)
    old_total, new_total = (all_scores(of_table.total()) for of_table in tallies)
    return {
        name: paired_interval(name, new[name], old[name], float(new_total[name] - old_total[name]), weights.shape[1])
        for name in SCORES
    }


def report(before: pl.DataFrame, after: pl.DataFrame, labels: Sequence[str]) -> None:
    """The table of the scores."""
    scores = [all_scores(table_sums(table, labels)) for table in (before, after)]
    around = [table_intervals(table, labels)["scores"] for table in (before, after)]
    between = difference(before, after, labels)
    print("| score | before | after | after - before |\n|---|---|---|---|")
    for name in SCORES:
        old, new = (float(of_table[name]) for of_table in scores)
        sides = [said(value, of_table.get(name)) for value, of_table in zip((old, new), around, strict=True)]
        print(f"| {NAMES[name]} | {' | '.join(sides)} | {said(new - old, between[name])} |")


def changed(before: pl.DataFrame, after: pl.DataFrame, labels: Sequence[str]) -> int:
    """How many clips are predicted otherwise by the probabilities before."""
    first = before.select(f"p_{label}" for label in labels).to_numpy().argmax(axis=1)
    return sum(labels[index] != guess for index, guess in zip(first, after["prediction"], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="a run directory, or the folder of a multirun of folds")
    try:
        runs = [read_finished(path) for path in find_runs([parser.parse_args().run])]
        before, after = pooled(runs)
    except UserError as error:
        raise SystemExit(f"calibration: {error}") from None
    temperatures = ", ".join(f"{run.metrics['calibration']['temperature']:.2f}" for run in runs)
    print(f"{len(runs)} runs, {len(after)} test clips of {num_voices(after)} speakers; temperatures {temperatures}")
    print(f"the first of them: {runs[0].protocol['sentence']}\n")
    if too_few(after):
        print(f"no intervals: {too_few(after)}\n")
    report(before, after, runs[0].labels)
    print(f"\npredicted otherwise before: {changed(before, after, runs[0].labels)} clips")


if __name__ == "__main__":
    main()
