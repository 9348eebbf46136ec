"""A space is what its YAML says, and every value of it is a word that Hydra reads back."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hydra_plugins.ser_lightning_sweepers.ranges import distribution
from ser_lightning.errors import UserError
from ser_lightning.search.space import as_text, corners, num_points, overrides, read_space


def parsed(word):
    [override] = OverridesParser.create().parse_overrides([word])
    return override


def test_ranges_and_choices_are_optunas():
    assert read_space(
        {
            "a": {"low": 1e-4, "high": 1e-2, "log": True},
            "b": {"low": 1, "high": 9, "step": 2},
            "c": {"low": 0.0, "high": 1.0, "step": 0.25},
            "d": {"low": 1, "high": 64, "log": True},
            "e": ["resnet18", None, True, [1, 2]],
        }
    ) == {
        "a": FloatDistribution(1e-4, 1e-2, log=True),
        "b": IntDistribution(1, 9, step=2),
        "c": FloatDistribution(0, 1, step=0.25),
        "d": IntDistribution(1, 64, log=True),
        "e": CategoricalDistribution(["resnet18", "null", "true", "[1,2]"]),
    }


def test_all_mistakes_are_told_together():
    with pytest.raises(UserError) as told:
        read_space(
            {
                "a": {"low": "1e-4", "high": 1},
                "b": {"low": 1, "high": 2, "lgo": True},
                "c": [],
                "d": [1, 1],
                "e": 3,
                "f": {"low": 2.0, "high": 1.0},
                "g": {"low": 0.1, "high": 1.0, "log": True, "step": 0.1},
                "h": {"low": 0.0, "high": 1.0, "log": True},
            }
        )
    problems = told.value.problems
    assert len(problems) == 8
    assert problems[0] == (
        "hydra.sweeper.params.a: low must be a number, it is '1e-4' (YAML reads 1e-4 as text: 1.0e-4)"
    )
    assert problems[1] == "hydra.sweeper.params.b: a range has no 'lgo'; did you mean 'low' or 'log'?"
    assert problems[3] == "hydra.sweeper.params.d: a value stands twice in 1, 1"
    assert "a list of values is needed, or a range" in problems[4]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0.1,
        -3,
        "resnet18",
        "a b",
        "it's",
        "1",
        "null",
        "a,b",
        "",
        [1, "x y"],
        {"k": "v w"},
        "a\\b",
        "a\\",
        "\\'",
    ],
)
def test_a_word_is_read_back_as_its_value(value):
    assert parsed(f"key={as_text(value)}").value() == value


def test_a_point_is_words_of_a_command_line():
    words = overrides({"model": "resnet18", "optimizer.lr": 1e-05, "data.batch_size": "32", "x": 3})
    assert words == ["model=resnet18", "optimizer.lr=1e-05", "data.batch_size=32", "x=3"]
    assert parsed(words[1]).value() == 1e-5


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a=interval(1,5)", FloatDistribution(1, 5)),
        ("a=int(interval(1,5))", IntDistribution(1, 5)),
        ("a=tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("a=range(1,6,2)", IntDistribution(1, 5, step=2)),
        ("a=range(1,7,2)", IntDistribution(1, 5, step=2)),
        ("a=range(0.0,1.0,0.25)", FloatDistribution(0, 0.75, step=0.25)),
        ("a=x,y,x", CategoricalDistribution(["x", "y"])),
        ("a=choice('p q',[1,2])", CategoricalDistribution(["p\\ q", "[1,2]"])),
    ],
)
def test_sweeps_of_a_command_line_are_ranges(word, expected):
    assert distribution(parsed(word)) == expected


def test_a_range_that_optuna_has_not_is_refused_by_its_word():
    with pytest.raises(HydraException, match=r"a=tag\(log,interval\(0,1\)\): "):
        distribution(parsed("a=tag(log,interval(0,1))"))


def test_corners_have_every_choice_and_both_ends():
    space = {
        "a": IntDistribution(1, 9),
        "b": CategoricalDistribution(["x", "y", "z"]),
        "c": FloatDistribution(0.5, 2),
    }
    points = corners(space)
    assert {point["b"] for point in points} == {"x", "y", "z"}
    assert {point["a"] for point in points} == {1, 9}
    assert {point["c"] for point in points} == {0.5, 2.0}
    assert corners({}) == []


def test_points_are_counted_where_they_can_be():
    steps = {"a": IntDistribution(1, 9, step=4), "b": FloatDistribution(0, 1, step=0.25)}
    assert num_points(steps) == 3 * 5
    assert num_points({**steps, "c": FloatDistribution(0, 1)}) is None
