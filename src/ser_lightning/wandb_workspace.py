"""`python -m ser_lightning.wandb_workspace --project P`: a W&B workspace that shows a sweep and its runs at a glance.

Needs the extra `workspaces`, a W&B key and the network; with `--print` only the workspace's description is shown, and
nothing but the extra is needed. Each name in it is one that every run logs (see wandb_log).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ser_lightning.errors import UserError
from ser_lightning.terminal import err, out
from ser_lightning.wandb_tables import CHARTS, Chart

if TYPE_CHECKING:
    from wandb_workspaces import workspaces
    from wandb_workspaces.reports.v2.interface import PanelTypes

SCORE = "test_balanced_accuracy"
COLUMNS = (
    "run:group",
    f"summary:{SCORE}",
    f"summary:{SCORE}_low",
    f"summary:{SCORE}_high",
    "summary:protocol",
    "run:tags",
)
HYPERPARAMETERS = ("model.backbone", "optimizer.lr", "data.batch_size", "data.window_seconds", "seed")
"""Keys of the config; those on which the runs of a sweep agree are straight lines."""
ADVICE = """Scores are comparable where their **protocol** is the same: see that column of the runs, or `protocol` in a
run's summary. `_low` and `_high` are the ends of the 95 % interval over speakers; without them there are too few."""


def main(arguments: Sequence[str]) -> None:
    """Save the workspace, or print it; exits with 2 where the user must mend something."""
    parser = argparse.ArgumentParser(prog="python -m ser_lightning.wandb_workspace", description=__doc__)
    parser.add_argument("--project", default="ser_lightning", help="the W&B project, as logger.wandb.project")
    parser.add_argument("--entity", help="the W&B user or team; without it that of your key")
    parser.add_argument("--print", action="store_true", help="only show the workspace as JSON; no network")
    given = parser.parse_args(arguments)
    try:
        if given.print:
            out.print_json(described(workspace(given.project, given.entity or "")))
        else:
            save(given.project, given.entity)
    except UserError as error:
        err.print(f"- {error}", markup=False)
        sys.exit(2)


def save(project: str, entity: str | None) -> None:
    """Save the workspace as a new view and print its address; raises UserError where W&B is out of reach."""
    import wandb

    from ser_lightning.loggers import wandb_offline_reason

    if reason := wandb_offline_reason():
        raise UserError(f"a workspace is saved online: {reason}; run `wandb login`, or look at it with --print")
    owner = entity or wandb.Api().default_entity
    if owner is None:
        raise UserError("the W&B key has no user or team of its own; name one with --entity")
    view = workspace(project, owner)
    view.save()  # type: ignore[no-untyped-call]
    out.print(f"workspace: {view.url}", markup=False)


def described(view: workspaces.Workspace) -> str:
    """The workspace as the JSON that W&B keeps."""
    description: str = view._to_model().spec.model_dump_json(by_alias=True, exclude_none=True)
    return description


def workspace(project: str, entity: str) -> workspaces.Workspace:
    """The workspace, not saved; raises UserError where the extra is not installed."""
    try:
        from wandb_workspaces import workspaces
    except ModuleNotFoundError as error:
        raise UserError("a workspace needs the extra: pip install 'ser-lightning[workspaces]'") from error
    panels = {
        "Sweep at a glance": _sweep(),
        "Training": _training(),
        "Classes": _classes(),
        "Mistakes": _mistakes(),
    }
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name="Speech emotions",
        sections=[workspaces.Section(name=name, panels=of_name, is_open=True) for name, of_name in panels.items()],
        settings=workspaces.WorkspaceSettings(x_axis="epoch", max_runs=20),
        runset_settings=workspaces.RunsetSettings(pinned_columns=list(COLUMNS)),
    )


def _sweep() -> list[PanelTypes]:
    """Which runs are good, and what made them so."""
    from wandb_workspaces.reports.v2 import interface as wr

    columns = [
        wr.ParallelCoordinatesPlotColumn(metric=wr.Config(key), log=key == "optimizer.lr") for key in HYPERPARAMETERS
    ]
    score = wr.ParallelCoordinatesPlotColumn(metric=wr.SummaryMetric(SCORE))
    return [
        wr.MarkdownPanel(markdown=ADVICE),
        wr.BarPlot(title="test balanced accuracy by run", metrics=[SCORE], range_x=(0, 1)),
        wr.BarPlot(
            title="test balanced accuracy by group, mean and spread",
            metrics=[SCORE],
            groupby="Group",
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
            range_x=(0, 1),
        ),
        wr.ParallelCoordinatesPlot(title="what was set and what came of it", columns=[*columns, score]),
        wr.ParameterImportancePlot(with_respect_to=SCORE),
        wr.ScatterPlot(
            title="validation against test", x=wr.SummaryMetric("val_balanced_accuracy"), y=wr.SummaryMetric(SCORE)
        ),
        wr.RunComparer(diff_only="split"),
    ]


def _training() -> list[PanelTypes]:
    """What was learned, and when."""
    return [
        _lines("loss", "train_loss", "val_loss"),
        _lines("balanced accuracy", "train_balanced_accuracy", "val_balanced_accuracy"),
        _lines("macro F1 of validation", "val_macro_f1"),
        _lines("learning rate", "lr"),
    ]


def _classes() -> list[PanelTypes]:
    """How each class is recognised: over the epochs, and on the test part in the end."""
    from wandb_workspaces.reports.v2 import interface as wr

    return [
        wr.LinePlot(title="recall of each class on validation", x="epoch", metric_regex="val_recall_.*"),
        *(_chart(key, chart) for key, chart in CHARTS.items()),
        wr.WeavePanelSummaryTable(table_name="test_classes"),
    ]


def _mistakes() -> list[PanelTypes]:
    """What was heard and what was said, and every prediction."""
    from wandb_workspaces.reports.v2 import interface as wr

    names = ("test_mistakes", "test_predictions")
    return [wr.WeavePanelSummaryTable(table_name=name, layout=wr.Layout(w=24, h=12)) for name in names]


def _lines(title: str, *metrics: str) -> PanelTypes:
    from wandb_workspaces.reports.v2 import interface as wr

    return wr.LinePlot(title=title, x="epoch", y=list(metrics))


def _chart(key: str, chart: Chart) -> PanelTypes:
    """The chart that a run logged under `key`, drawn from its table."""
    from wandb_workspaces.reports.v2 import interface as wr

    return wr.CustomChart(
        query={"summaryTable": {"tableKey": f"{key}_table"}},
        chart_name=chart.kind,
        chart_fields=chart.fields,
        chart_strings={"title": chart.title},
    )


if __name__ == "__main__":
    main(sys.argv[1:])
