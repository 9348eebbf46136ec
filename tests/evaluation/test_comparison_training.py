"""Models that were evaluated on another corpus: put together by what they were trained on."""

import shutil

import numpy as np
import pytest
import yaml

from ser_lightning.errors import UserError

SPLIT = {"_target_": "splits.KFold", "seed": 0, "folds": 3}


@pytest.fixture
def evaluated(toy, tmp_path):
    """`evaluated(name, right, seed=0, fold=1, **split)`: a model of a fold, and its evaluation on 12 new voices."""

    def make(name, right, *, seed=0, fold=1, **split):
        trained = tmp_path / "trained" / name
        config = {"seed": seed, "split": {**SPLIT, "fold": fold, **split}}
        clips = toy.clips_of(toy.voices(4, 4 * fold))
        about = toy.protocol(fold, 3, split="kfold")
        toy.write_run(trained, clips, [True] * 16, about=about, config=config)
        other = {"seed": seed, "run": str(trained), "corpus": {"_target_": "Other"}, "split": None}
        clips = toy.clips_of(toy.voices(12))
        return toy.write_run(tmp_path / "on" / name, clips, right, about=toy.protocol(split="all"), config=other)

    return make


def share(number):
    """So many of the 48 clips are right."""
    return [row < number for row in range(48)]


def test_seeds_are_averaged(toy, evaluated, tmp_path):
    for seed, right in ((0, 24), (1, 36)):
        evaluated(f"s{seed}", share(right), seed=seed)
    [ranking] = toy.compared(tmp_path / "on").rankings
    [one] = ranking.standings
    assert list(one.configuration.tests) == [(0, 1), (1, 1)]
    assert one.scored.scores["accuracy"] == pytest.approx((24 + 36) / 96)
    assert one.scored.over_seeds["accuracy"] == pytest.approx(np.std([0.5, 0.75], ddof=1))
    assert ranking.notes == ()


def test_models_of_folds_are_repetitions_and_said_to_be(toy, evaluated, tmp_path):
    for fold, right in ((1, 12), (2, 24), (3, 48)):
        evaluated(f"f{fold}", share(right), fold=fold)
    [ranking] = toy.compared(tmp_path / "on").rankings
    [one] = ranking.standings
    assert one.configuration.folds == ()
    assert one.scored.scores["accuracy"] == pytest.approx((12 + 24 + 48) / 144)
    assert one.scored.over_seeds["accuracy"] == pytest.approx(np.std([0.25, 0.5, 1.0], ddof=1))
    [note] = ranking.notes
    assert (
        "the models of the training's folds 1, 2, 3 are tested on the same clips: each counts as a repetition" in note
    )


def test_another_training_is_another_configuration(toy, evaluated, tmp_path):
    evaluated("three", share(24))
    evaluated("two", share(36), folds=2)
    [ranking] = toy.compared(tmp_path / "on").rankings
    assert [one.name for one in ranking.standings] == ["trained.split.folds=2", "trained.split.folds=3"]


def test_a_model_evaluated_twice_is_refused(toy, evaluated, tmp_path):
    first = evaluated("a", share(24))
    shutil.copytree(first, tmp_path / "on" / "b")
    with pytest.raises(UserError) as error:
        toy.compared(tmp_path / "on")
    assert error.value.problems == [
        f"runs of the same configuration, seed and fold: {first}, {tmp_path / 'on' / 'b'}; name one of them"
    ]


def test_without_the_trained_runs_seeds_are_averaged_with_a_caveat_and_folds_cannot_be_told(toy, evaluated, tmp_path):
    for seed in (0, 1):
        evaluated(f"s{seed}", share(24), seed=seed)
    shutil.rmtree(tmp_path / "trained")
    [ranking] = toy.compared(tmp_path / "on").rankings
    assert [list(one.configuration.tests) for one in ranking.standings] == [[(0, None), (1, None)]]
    assert ranking.notes == (
        "toy: the runs that were evaluated are not where config.yaml says: that their training was alike is not "
        "checked",
    )
    evaluated("f2", share(24), fold=2)
    shutil.rmtree(tmp_path / "trained")
    with pytest.raises(UserError, match="the runs that they evaluate are not where config"):
        toy.compared(tmp_path / "on")


def test_a_seed_that_is_no_number_is_refused(toy, evaluated, tmp_path):
    run = evaluated("a", share(24))
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump(config | {"seed": "x"}))
    with pytest.raises(UserError, match=r"config\.yaml"):
        toy.compared(tmp_path / "on")
