"""Mistakes are told together, survive a process boundary, and come with the nearest right word."""

from __future__ import annotations

import pickle

import pytest

from ser_lightning.errors import UserError, did_you_mean


def test_all_problems_are_one_error_a_line_each():
    error = UserError(["no folder", "no column"])
    assert error.problems == ["no folder", "no column"]
    assert str(error) == "no folder\nno column"


def test_one_text_is_one_problem():
    assert UserError("no folder").problems == ["no folder"]


def test_problems_may_come_from_a_generator():
    assert UserError(f"row {number}" for number in (1, 2)).problems == ["row 1", "row 2"]


def test_an_error_without_a_problem_is_our_own_mistake():
    with pytest.raises(AssertionError):
        UserError([])


def test_user_error_is_a_value_error_and_can_be_pickled():
    error = pickle.loads(pickle.dumps(UserError(["a", "b"])))
    assert isinstance(error, ValueError)
    assert (type(error), error.problems, str(error)) == (UserError, ["a", "b"], "a\nb")


@pytest.mark.parametrize(
    ("word", "choices", "hint"),
    [
        ("batchsize", ["batch_size", "window_seconds"], "; did you mean 'batch_size'?"),
        ("BATCH_SIZE", ["batch_size"], "; did you mean 'batch_size'?"),
        ("yaf", ["YAF", "OAF"], "; did you mean 'YAF' or 'OAF'?"),
        ("zzz", ["right", "left", "left"], "; choose from left, right"),
        ("zzz", [], ""),
        ("zzz", [f"name{number}" for number in range(21)], ""),
        ("", ["left"], "; choose from left"),
    ],
)
def test_did_you_mean(word: str, choices: list[str], hint: str):
    assert did_you_mean(word, choices) == hint


def test_did_you_mean_names_at_most_three():
    hint = did_you_mean("speaker", [f"speaker{number}" for number in range(9)])
    assert hint.count("'speaker") == 3
