"""All that metrics.json says of a run's predictions: the scores of each part, intervals, groups, calibration and
abstention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ser_lightning.evaluation.abstention import table_abstention
from ser_lightning.evaluation.calibration import Calibration, uncalibrated_scores
from ser_lightning.evaluation.groups import table_groups
from ser_lightning.evaluation.intervals import table_intervals
from ser_lightning.evaluation.scores import table_scores

UNSEEN = ("val", "test")
"""The parts that are not trained on: of these there are intervals and risk-coverage curves."""


def assess(
    tables: Mapping[str, pl.DataFrame],
    labels: Sequence[str],
    *,
    protocol: Mapping[str, Any],
    temperature: float,
    fitted_on: str | None = "val",
) -> dict[str, Any]:
    """The contents of metrics.json, from the protocol and the predictions of each part (calibrated).

    `fitted_on` is the part that the temperature was fitted on; None where there is none, as of a stack.
    """
    return {
        "protocol": dict(protocol),
        "labels": list(labels),
        "calibration": Calibration(
            temperature=temperature,
            fitted_on=fitted_on,
            before={
                part: uncalibrated_scores(table, labels, temperature)
                for part, table in tables.items()
                if part in UNSEEN
            },
        ),
        **{part: _part(part, table, labels) for part, table in tables.items()},
    }


def _part(part: str, table: pl.DataFrame, labels: Sequence[str]) -> dict[str, Any]:
    made: dict[str, Any] = dict(table_scores(table, labels))
    if part in UNSEEN:
        made["intervals"] = table_intervals(table, labels)
        made["abstention"] = table_abstention(table, labels)
    if part == "test":
        made["groups"] = table_groups(table, labels)
    return made
