"""What a configuration is called, and what does not make it another one."""

import pytest

from ser_lightning.evaluation.comparison_names import (
    configuration_names,
    differing_within_kinds,
    identity,
    settings_of,
)

CONFIG = {"seed": 0, "model": {"backbone": "a", "hidden": None}, "optimizer": {"lr": 0.001}}


def named(*settings, titles=None):
    [names] = configuration_names([list(settings)], [titles or ["same"] * len(settings)])
    return names


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 5},
        {"name": "x"},
        {"data_dir": "x"},
        {"cache_dir": "x"},
        {"leaks": "warn"},
        {"data": {"seed": 3, "workers": 2}},
        {"split": {"seed": 1, "fold": 2, "test_speakers": ["KL"], "test_corpus": "tess", "root": "x"}},
        {"corpus": {"root": "x", "roots": {"tess": "y"}, "data_dir": "z"}},
        {"trainer": {"devices": 2, "accelerator": "gpu", "strategy": "ddp"}},
        {"logger": {"wandb": {"_target_": "x", "project": "y"}}},
        {"hydra": {"run": {"dir": "x"}}},
        {"jobs": 2},
        {"run": "outputs/x"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_does_not_define_a_configuration(other):
    assert settings_of(CONFIG | other) == settings_of(CONFIG)


@pytest.mark.parametrize(
    "other",
    [
        {"optimizer": {"lr": 0.01}},
        {"split": {"val_fraction": 0.2}},
        {"trainer": {"max_epochs": 3}},
        {"corpus": {"soft": True}},
    ],
)
def test_what_defines_one(other):
    assert identity(settings_of(CONFIG | other)) != identity(settings_of(CONFIG))


def test_the_order_of_keys_does_not_matter():
    assert identity({"a": 1, "b": [1, 2]}) == identity({"b": [1, 2], "a": 1})


def test_only_keys_that_differ_name_a_configuration():
    first, second = ({"x": 1, "model.backbone": name, "optimizer.lr": lr} for name, lr in (("a", 0.001), ("b", 0.0003)))
    assert named(first, second) == ["model.backbone=a optimizer.lr=0.001", "model.backbone=b optimizer.lr=0.0003"]


def test_a_target_is_called_by_its_own_name_and_keys_of_one_alone_are_not_needed():
    first = {"loss._target_": "losses.CrossEntropy", "loss.beta": 0.9}
    assert named(first, {"loss._target_": "losses.Focal"}) == ["loss=CrossEntropy", "loss=Focal"]


def test_values_as_in_overrides():
    assert named({"a": None}, {"a": True}, {"a": [1, 2]}) == ["a=null", "a=true", "a=[1, 2]"]


def test_one_that_is_alone_has_its_title():
    assert named({"a": 1}, titles=["demo"]) == ["demo"]


def test_many_keys_give_way_to_the_names_that_the_user_gave():
    first, second = ({f"k{n}": value for n in range(9)} for value in (0, 1))
    assert named(first, second, titles=["small", "large"]) == ["small", "large"]


def test_many_keys_without_names_are_counted():
    first, second, third = (
        {"k0": k0, **{f"k{n}": value for n in range(1, 9)}} for k0, value in ((0, 0), (0, 1), (1, 1))
    )
    assert named(first, second, third) == ["k0=0 k1=0 (+7 keys)", "k0=0 k1=1 (+7 keys)", "k0=1 k1=1 (+7 keys)"]


def test_a_key_that_only_one_has_tells_them_apart_where_nothing_else_does():
    assert named({"a": 1, "b": 1}, {"a": 1}) == ["b=1", "without b"]


def test_names_are_alike_in_all_groups():
    groups = [[{"a": 1, "s": 1}, {"a": 2, "s": 1}], [{"a": 1, "s": 2}, {"a": 2, "s": 2}], [{"a": 2, "s": 3}]]
    assert configuration_names(groups, [["t", "t"], ["t", "t"], ["t"]]) == [["a=1", "a=2"], ["a=1", "a=2"], ["a=2"]]


def test_a_stack_beside_runs_is_named_for_itself():
    runs = [{"model.backbone": name, "optimizer.lr": 0.1, **{f"data.k{n}": n for n in range(9)}} for name in "ab"]
    assert named(*runs, {"meta": "logistic", "runs": "x"}, titles=["same", "same", "stack"]) == [
        "model.backbone=a",
        "model.backbone=b",
        "stack",
    ]
    stacks = [{"meta": meta, "runs": "x"} for meta in ("logistic", "extra_trees")]
    assert named(runs[0], *stacks, titles=["run", "s", "s"]) == ["run", "meta=logistic", "meta=extra_trees"]
    assert differing_within_kinds([*runs, *stacks]) == ["model.backbone", "meta"]


def test_two_kinds_of_one_title_are_told_apart():
    assert named({"a": 1}, {"meta": "logistic"}, titles=["x", "x"]) == ["x: x (1)", "x: x (2)"]
