"""The work of `summarize`: read finished runs, compare them, print the comparison and leave it as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.markup import escape

from ser_lightning.config import SummarizeSettings, config_problems
from ser_lightning.errors import UserError
from ser_lightning.evaluation.comparison import compare
from ser_lightning.evaluation.comparison_files import write_files
from ser_lightning.evaluation.comparison_groups import pooled_groups
from ser_lightning.evaluation.comparison_leak import leak_gaps, leak_lines
from ser_lightning.evaluation.comparison_page import write_comparison
from ser_lightning.evaluation.comparison_runs import read_configurations
from ser_lightning.evaluation.comparison_terminal import print_lines, show
from ser_lightning.terminal import err, out


def summarize_runs(config: Mapping[str, Any], run_dir: Path) -> None:
    """Compare the runs that the config names and write everything to `run_dir`; raises UserError."""
    if problems := config_problems(config, SummarizeSettings):
        raise UserError(problems)
    runs = config["runs"]
    configurations = read_configurations([runs] if isinstance(runs, str) else runs)
    comparison = compare(configurations, seed=config["seed"])
    show(out, comparison)
    for gap in leak_gaps(comparison):
        print_lines(out, leak_lines(gap))
    groups = pooled_groups(comparison)
    page = write_comparison(run_dir, comparison, groups)
    files = write_files(run_dir, comparison, groups)
    out.print(f"page:   {page}", markup=False)
    out.print(f"tables: {', '.join(file.name for file in files)} beside it", markup=False)


def tell_multirun(folder: Path, *, leak_gap: bool) -> None:
    """Print how the finished runs in a multirun's folder compare, where there are two at least; never raises for them.

    With `leak_gap` the scores on known and on new voices side by side, where there are both.
    """
    if len(list(folder.glob("*/metrics.json"))) < 2:
        return
    try:
        comparison = compare(read_configurations([str(folder)]))
    except UserError as error:
        err.print(f"the runs of {folder} are not compared: {'; '.join(error.problems)}", markup=False)
        return
    out.print(f"\n=== all finished runs of {escape(str(folder))}")
    gaps = leak_gaps(comparison) if leak_gap else []
    for gap in gaps:
        print_lines(out, leak_lines(gap))
    if not gaps:
        show(out, comparison)
    out.print(f"as files: python -m ser_lightning.summarize runs={folder}", markup=False)
