"""The workspace shows nothing that a run does not log: its names against those of an offline run."""

import json
import re
from typing import Any

import pytest

from ser_lightning.wandb_workspace import described, main, workspace

# wandb-workspaces itself is written for pydantic 1.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")

LABELS = ("angry", "sad", "neutral")


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """The workspace, as the JSON that W&B keeps."""
    pytest.importorskip("wandb_workspaces")
    return json.loads(described(workspace("tones", "somebody")))


def test_the_workspace_is_printed_without_a_key_and_saved_only_with_one(shown, no_key, capsys):
    main(["--print"])
    printed = json.loads(capsys.readouterr().out)
    assert [panel for panel, _ in shown_panels(printed)] == [panel for panel, _ in shown_panels(shown)]
    with pytest.raises(SystemExit, match="2"):
        main(["--project", "tones"])
    assert "no API key; run `wandb login`, or look at it with --print" in capsys.readouterr().err


def shown_panels(view: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The kind and the config of each panel."""
    sections = view["section"]["panelBankConfig"]["sections"]
    assert [section["name"] for section in sections] == ["Sweep at a glance", "Training", "Classes", "Mistakes"]
    return [(panel["viewType"], panel["config"]) for section in sections for panel in section["panels"]]


def test_curves_of_the_workspace_are_of_metrics_that_a_run_logs(logged, shown):
    lines = [config for kind, config in shown_panels(shown) if kind == "Run History Line Plot"]
    by_epoch = {name for row in logged.history if "epoch" in row for name in row}
    assert {config["xAxis"] for config in lines} == {"epoch"}
    names = {name for config in lines for name in config["metrics"]}
    assert {"train_loss", "val_loss", "lr"} <= names <= by_epoch
    [pattern] = [config["metricRegex"] for config in lines if "metricRegex" in config]
    assert {name for name in by_epoch if re.fullmatch(pattern, name)} == {f"val_recall_{label}" for label in LABELS}


def test_scores_and_settings_of_the_workspace_are_of_a_run(logged, shown):
    panels = shown_panels(shown)
    accessors = [column["accessor"] for _, config in panels for column in config.get("columns", [])]
    accessors += [config[axis] for kind, config in panels if kind == "Scatter Plot" for axis in ("xAxis", "yAxis")]
    accessors += [f"summary:{config['targetKey']}" for _, config in panels if "targetKey" in config]
    accessors += [f"summary:{name}" for kind, config in panels if kind == "Bar Chart" for name in config["metrics"]]
    assert len(accessors) == 11
    for accessor in accessors:
        section, _, name = accessor.partition(":")
        if section == "summary":
            assert logged.summary[name] == logged.metrics[name.split("_")[0]]["balanced_accuracy"]
        else:
            top, *rest = name.replace(".value", "").split(".")
            value = logged.config[top]
            for key in rest:
                value = value[key]
            assert value is not None


def test_tables_of_the_workspace_are_those_of_a_run(logged, shown):
    panels = shown_panels(shown)
    charts = [config for kind, config in panels if kind == "Vega2"]
    assert len(charts) == 4
    for config in charts:
        [query] = config["userQuery"]["queryFields"]
        [key] = [field["args"][0]["value"] for field in query["fields"] if field["name"] == "summaryTable"]
        assert set(config["fieldSettings"].values()) <= set(logged.table(key).columns)
    text = json.dumps([config for kind, config in panels if kind == "Weave"])
    assert set(re.findall(r'"val": "(\w+)"', text)) == {"test_classes", "test_mistakes", "test_predictions"}
    assert {f"{key}/path" for key in ("test_classes", "test_mistakes", "test_predictions")} <= set(logged.summary)
