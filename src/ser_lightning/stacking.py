"""The work of `stack`: members checked, a meta-learner searched and fitted, and a run directory like any other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from ser_lightning.config import StackSettings, config_problems
from ser_lightning.errors import UserError
from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.predictions import write_predictions
from ser_lightning.evaluation.report import write_report
from ser_lightning.evaluation.summary import interval_note
from ser_lightning.files import read_table, write_text
from ser_lightning.meta.comparison import Row, compared, not_beaten
from ser_lightning.meta.fitting import Fitted, fit
from ser_lightning.meta.members import read_members
from ser_lightning.meta.protocols import stack_protocol
from ser_lightning.meta.search import Search
from ser_lightning.meta.stack_file import MODEL_FILE, stack_contents
from ser_lightning.meta.storage import write_model
from ser_lightning.meta.tables import comparison_table, speakers_table
from ser_lightning.meta.together import Together, put_together
from ser_lightning.run_files import environment, write_csv
from ser_lightning.run_names import STACK_FILE
from ser_lightning.terminal import err, out, print_table

INHERITED = ("label_set", "sample_rate", "data_dir", "cache_dir", "on_bad_audio", "leaks", "corpus", "split")
"""Keys of the members' config that tell which clips these are; the first member's go into the stack's config."""
COLUMNS = ("clip", "part", "corpus", "speaker", "emotion")


def stack_runs(config: Mapping[str, Any], run_dir: Path) -> None:
    """Stack as configured and leave everything in `run_dir`; raises UserError."""
    if problems := config_problems(config, StackSettings):
        raise UserError(problems)
    if (run_dir / "metrics.json").exists():
        raise UserError(f"{run_dir} holds a finished run, which is not overwritten; choose another name=")
    together = put_together(read_members([config["runs"]] if isinstance(config["runs"], str) else config["runs"]))
    search = Search(
        meta=config["meta"],
        iterations=config["iterations"],
        num_folds=config["inner_folds"],
        jobs=config["jobs"],
        seed=config["seed"],
    )
    fitted = fit(together, search, tell=lambda text: err.print(text, markup=False))
    rows = compared(together, fitted)
    told = stack_protocol(together, fitted, search)
    metrics = assess(fitted.tables, together.labels, protocol=told, temperature=1.0, fitted_on=None)
    _write(run_dir, config, together, fitted, metrics, stack_contents(together, fitted, search, rows, run_dir))
    _conclude(rows, metrics, run_dir, write_report(run_dir, examples=[]))


def stack_config(config: Mapping[str, Any], together: Together) -> dict[str, Any]:
    """The keys of the stack, and those of the members that tell which clips these are; without a fold over folds."""
    of_members = together.members[0].first.config
    made = {**config, **{key: of_members[key] for key in INHERITED if key in of_members}}
    if together.over_folds:
        made["split"] = {key: value for key, value in made["split"].items() if key != "fold"}
    return made


def split_table(together: Together) -> pl.DataFrame:
    """The rows of split.csv: the parts of the stored model, which are what later commands must know.

    Of single runs, the clips of all members, which agree in val and test. Over folds, every clip in train: the stored
    meta-learner was fitted on it, and most runs of each member were trained on it.
    """
    runs = [run for member in together.members for run in member.runs]
    every = pl.concat([read_table(run.path / "split.csv").select(COLUMNS) for run in runs])
    table = every.unique("clip", keep="first", maintain_order=True)
    return table.with_columns(part=pl.lit("train")) if together.over_folds else table


def _write(
    run_dir: Path,
    config: Mapping[str, Any],
    together: Together,
    fitted: Fitted,
    metrics: Mapping[str, Any],
    contents: Mapping[str, Any],
) -> None:
    """Every file but the report; metrics.json at last, by which a run counts as finished."""
    whole = yaml.safe_dump(stack_config(config, together), sort_keys=False, allow_unicode=True)
    write_text(run_dir / "config.yaml", whole)
    write_text(run_dir / "environment.json", json.dumps(_environment(config, together), indent=2) + "\n")
    write_csv(run_dir / "split.csv", split_table(together))
    write_model(run_dir / MODEL_FILE, fitted.final.model)
    for part, table in fitted.tables.items():
        write_predictions(run_dir / "predictions" / f"{part}.csv", table)
    write_text(run_dir / STACK_FILE, json.dumps(contents, indent=1, ensure_ascii=False) + "\n")
    write_text(run_dir / "metrics.json", json.dumps(metrics, indent=1) + "\n")


def _environment(config: Mapping[str, Any], together: Together) -> dict[str, Any]:
    """The environment of the stacking; the manifest's hash is the members', since no audio was read."""
    nothing = pl.DataFrame(schema={"clip": pl.String, "hash": pl.String})
    path = together.members[0].first.path / "environment.json"
    of_member = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return environment(config, nothing) | {"manifest_hash": of_member.get("manifest_hash")}


def _conclude(rows: Sequence[Row], metrics: Mapping[str, Any], run_dir: Path, report: Path) -> None:
    """Print the comparison, what its numbers stand for, and where everything is."""
    print_table(out, comparison_table(rows))
    out.print(interval_note(metrics["test"]), markup=False)
    if unsure := not_beaten(rows):
        out.print(f"the stack is not clearly better than {' and '.join(unsure)}", markup=False)
    apart = [row for row in rows if row["stack_minus_it"] and row["stack_minus_it"]["speakers"]]
    if apart:
        out.print()
        shown = [row for row in apart if row["best_on_val"] or row["kind"] == "average"]
        print_table(out, speakers_table(shown))
    out.print()
    out.print(f"protocol: {metrics['protocol']['sentence']}", markup=False)
    for note in metrics["protocol"]["notes"]:
        out.print(f"note: {note}", markup=False)
    out.print(f"run:    {run_dir}\nreport: {report}", markup=False)
