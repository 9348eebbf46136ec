"""The contents of metrics.json, from tables alone."""

from __future__ import annotations

import json

import pytest

from ser_lightning.evaluation.abstention import table_abstention
from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.calibration import SCORES, without_temperature
from ser_lightning.evaluation.groups import table_groups
from ser_lightning.evaluation.intervals import table_intervals
from ser_lightning.evaluation.scores import table_scores

LABELS = ("angry", "happy", "sad")
UNSEEN = {"intervals", "abstention"}


@pytest.fixture
def tables(random_table):
    return {
        part: random_table(LABELS, 120, speakers, seed=speakers)
        for part, speakers in (("train", 30), ("val", 4), ("test", 12))
    }


def test_the_parts_have_their_scores_and_what_is_due_to_them(tables):
    found = assess(tables, LABELS, protocol={"corpora": ["made"]}, temperature=2.0)
    assert list(found) == ["protocol", "labels", "calibration", "train", "val", "test"]
    assert found["protocol"] == {"corpora": ["made"]}
    assert found["labels"] == list(LABELS)
    for part, more in (("train", set()), ("val", UNSEEN), ("test", {*UNSEEN, "groups"})):
        scores = table_scores(tables[part], LABELS)
        assert set(found[part]) - set(scores) == more
        assert {name: found[part][name] for name in scores} == scores
    assert found["test"]["intervals"] == table_intervals(tables["test"], LABELS)
    assert found["test"]["abstention"] == table_abstention(tables["test"], LABELS)
    assert found["val"]["abstention"] == table_abstention(tables["val"], LABELS)
    assert found["test"]["groups"] == table_groups(tables["test"], LABELS)
    assert "4 speakers are too few" in found["val"]["intervals"]["reason"]


def test_the_calibration_says_what_was_before_on_the_unseen_parts(tables):
    found = assess(tables, LABELS, protocol={}, temperature=2.0)["calibration"]
    assert (found["temperature"], found["fitted_on"]) == (2.0, "val")
    assert list(found["before"]) == ["val", "test"]
    before = table_scores(without_temperature(tables["test"], LABELS, 2.0), LABELS)
    assert found["before"]["test"]["scores"] == {name: pytest.approx(before[name]) for name in SCORES}
    assert set(found["before"]["test"]["intervals"]) == set(SCORES)
    assert found["before"]["val"]["intervals"] == {}


def test_parts_that_are_not_there_are_left_out(tables):
    found = assess({"test": tables["test"]}, LABELS, protocol={}, temperature=1.0)
    assert set(found) == {"protocol", "labels", "calibration", "test"}
    assert list(found["calibration"]["before"]) == ["test"]


def test_json_holds_all_of_it(tables, table_of):
    tables["val"] = table_of([[1.0, 0.0, 0.0]], [2], LABELS)  # one clip, wrong and sure of it
    found = assess(tables, LABELS, protocol={}, temperature=0.5)
    assert json.loads(json.dumps(found, allow_nan=False))["val"]["auroc"] is None
