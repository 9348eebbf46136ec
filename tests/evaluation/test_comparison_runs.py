"""Which runs are folds and seeds of one configuration, and which cannot be put together."""

import pytest
import yaml

from ser_lightning.errors import UserError
from ser_lightning.evaluation.comparison_runs import read_configurations


def test_folds_evaluated_again_are_still_folds(toy, folds):
    for number, path in enumerate(sorted(folds.iterdir())):
        config = yaml.safe_load((path / "config.yaml").read_text())
        (path / "config.yaml").write_text(yaml.safe_dump(config | {"run": f"was/{number}"}))
    [ranking] = toy.compared(folds).rankings
    assert len(ranking.standings) == 1


def test_an_unfinished_fold_is_named(toy, folds):
    for seed in (0, 1):
        (folds / f"{seed}2" / "metrics.json").unlink()
    [ranking] = toy.compared(folds).rankings
    assert "(folds 1, 3 of 3, seed 0)" in ranking.protocol.sentence
    assert ranking.notes == ("no finished run of fold 2 of 3, so not every clip is tested",)


def test_a_seed_with_fewer_folds_is_left_out_by_name(toy, folds):
    (folds / "12" / "metrics.json").unlink()
    [ranking] = toy.compared(folds).rankings
    [one] = ranking.standings
    assert list(one.configuration.tests) == [(0, None)]
    assert ranking.notes == ("toy: seed 1 is left out: it has finished folds 1, 3, where seed 0 has folds 1, 2, 3",)


def test_two_runs_of_one_configuration_seed_and_fold_are_refused(toy, tmp_path):
    clips = toy.clips_of(toy.voices(3))
    paths = [toy.write_run(tmp_path / name, clips, [True] * 12, about=toy.protocol()) for name in ("first", "second")]
    with pytest.raises(UserError) as error:
        toy.compared(tmp_path)
    assert error.value.problems == [
        f"runs of the same configuration, seed and fold: {paths[0]}, {paths[1]}; name one of them"
    ]


def test_a_run_named_twice_is_one(toy, tmp_path):
    clips = toy.clips_of(toy.voices(3))
    run = toy.write_run(tmp_path / "first", clips, [True] * 12, about=toy.protocol())
    assert len(read_configurations([str(run), str(tmp_path), str(run / ".." / "first")])) == 1


def test_runs_without_test_predictions_and_clips_tested_twice_are_refused(toy, tmp_path):
    clips = toy.clips_of(toy.voices(3))
    toy.write_run(tmp_path / "a", clips, [True] * 12, about=toy.protocol())
    (tmp_path / "a" / "predictions" / "test.csv").unlink()
    with pytest.raises(UserError, match=r"a has no predictions/test\.csv"):
        toy.compared(tmp_path / "a")
    for fold in (1, 2):
        config = {"split": {"fold": fold}}
        toy.write_run(tmp_path / "b" / str(fold), clips, [True] * 12, about=toy.protocol(fold, 2), config=config)
    with pytest.raises(UserError, match=r"12 clips are tested in several folds .*, such as toy/v00/angry0"):
        toy.compared(tmp_path / "b")


def test_a_seed_that_tests_other_clips_is_refused(toy, tmp_path):
    for seed in (0, 1):
        clips = toy.clips_of(toy.voices(3, seed))
        toy.write_run(tmp_path / str(seed), clips, [True] * 12, about=toy.protocol(), config={"seed": seed})
    with pytest.raises(UserError, match="seed 1 tests other clips than"):
        toy.compared(tmp_path)


def test_no_runs_are_refused():
    with pytest.raises(UserError, match=r"runs=\[\] names none"):
        read_configurations([])


def test_a_seed_with_other_folds_is_left_out_and_both_are_named(toy, folds):
    for path in (folds / "03", folds / "11"):
        (path / "metrics.json").unlink()
    [ranking] = toy.compared(folds).rankings
    assert "toy: seed 1 is left out: it has finished folds 2, 3, where seed 0 has folds 1, 2" in ranking.notes
