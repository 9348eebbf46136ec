"""What the terminal says of a run: each number once, dashes where there is none."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ser_lightning.evaluation.assessment import assess
from ser_lightning.evaluation.intervals import table_intervals
from ser_lightning.evaluation.scores import NAMES, table_scores
from ser_lightning.evaluation.summary import class_table, interval_note, parts_table, shown, speakers_table

LABELS = ("angry", "happy", "sad")


def printed(renderable) -> list[list[str]]:
    """The words of each line, on a wide terminal."""
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(renderable)
    return [line.split() for line in out.getvalue().splitlines() if line.strip()]


@pytest.fixture
def scores(random_table):
    table = random_table(LABELS, 240, 12)
    return dict(table_scores(table, LABELS)) | {"intervals": table_intervals(table, LABELS)}


def test_the_class_table_has_a_row_a_class(scores):
    lines = printed(class_table(scores, "test"))
    assert lines[0] == ["test"]
    assert lines[1] == ["precision", "recall", "F1", "AUROC", "clips"]
    for line, (label, row) in zip(lines[-3:], scores["per_class"].items(), strict=True):
        numbers = [f"{row[name]:.3f}" for name in ("precision", "recall", "f1", "auroc")]
        assert line == [label, *numbers, str(row["support"])]


def test_a_class_without_clips_has_dashes(table_of):
    scores = table_scores(table_of([[0.9, 0.1]], [0], ("calm", "angry")), ("calm", "angry"))
    assert printed(class_table(scores, "test"))[-1] == ["angry", "0.000", "-", "-", "-", "0"]


def test_the_parts_table_has_each_score_with_its_interval(scores):
    train = {name: value for name, value in scores.items() if name != "intervals"}
    lines = printed(parts_table({"train": train, "test": scores}))
    assert lines[0] == ["train", "test"]
    rows = {" ".join(line): line for line in lines}
    low, high = scores["intervals"]["scores"]["balanced_accuracy"]
    value = f"{scores['balanced_accuracy']:.3f}"
    assert f"balanced accuracy (UAR) {value} {value} [{low:.3f}, {high:.3f}]" in rows
    assert "clips 240 240" in rows
    assert not any(NAMES["js_divergence"] in row for row in rows)  # labels are not soft


def test_the_note_says_what_the_brackets_are_or_why_there_are_none(scores, random_table):
    note = "[ ]: 95% interval of 12 speakers, by a bootstrap over speakers, expanded percentiles"
    assert interval_note(scores) == note
    few = {"intervals": table_intervals(random_table(LABELS, 20, 4), LABELS)}
    assert interval_note(few).startswith("no intervals: 4 speakers are too few for an interval")


def test_few_speakers_are_shown_one_by_one(random_table):
    table = random_table(LABELS, 60, 4)
    few = assess({"test": table}, LABELS, protocol={}, temperature=1.0)["test"]
    rows = printed(speakers_table(few))[-4:]
    for row, (name, voice) in zip(rows, table.group_by("speaker", maintain_order=True), strict=True):
        own = table_scores(voice, LABELS)
        numbers = [f"{own[key]:.3f}" for key in ("balanced_accuracy", "accuracy", "macro_f1", "auroc")]
        assert row[-5:] == [*numbers, str(len(voice))]
        assert row[0].endswith(name[0])


def test_speakers_that_make_an_interval_are_not_listed(scores):
    assert speakers_table(scores) is None


@pytest.mark.parametrize(("value", "text"), [(0.12345, "0.123"), (0.0, "0.000"), (None, "-")])
def test_shown(value, text):
    assert shown(value) == text
