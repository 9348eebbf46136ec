import numpy as np
import polars as pl
import pytest

from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import read_predictions, write_predictions
from ser_lightning.meta.members import read_members
from ser_lightning.meta.together import put_together


def together(*entries):
    return put_together(read_members([str(entry) for entry in entries]))


@pytest.fixture
def other(make_run, single_parts, tmp_path):
    """A second member whose parts, labels or rate may be others."""

    def make(**changes):
        return make_run(tmp_path / "other", "pleasant", **{"parts": single_parts, "seed": 1} | changes)

    return make


def test_single_runs_are_put_together_part_by_part(singles):
    made = together(*singles)
    assert {part: clips.probabilities.shape for part, clips in made.parts.items()} == {
        "val": (2, 64, 4),
        "test": (2, 96, 4),
    }
    for index, run in enumerate(singles):
        stored = read_predictions(run / "predictions" / "test.csv")
        assert made.parts["test"].of_member(index).equals(stored)


def test_rows_in_another_order_are_the_same_clips(singles, tmp_path, make_run, single_parts):
    shuffled = make_run(tmp_path / "shuffled", "pleasant", parts=single_parts, seed=1)
    for part in ("val", "test"):
        path = shuffled / "predictions" / f"{part}.csv"
        write_predictions(path, read_predictions(path).sample(fraction=1, shuffle=True, seed=0))
    one, two = together(*singles), together(singles[0], shuffled)
    for part in ("val", "test"):
        np.testing.assert_array_equal(one.parts[part].probabilities, two.parts[part].probabilities)


def test_folds_are_pooled_in_their_order(multiruns):
    made = together(*multiruns)
    clips = made.parts["test"]
    assert clips.probabilities.shape == (2, 96, 4)
    assert made.fold.tolist() == [1] * 32 + [2] * 32 + [3] * 32
    assert clips.table["clip"].n_unique() == 96
    assert clips.table.filter(pl.Series(made.fold == 2))["speaker"].unique().sort().to_list() == [
        "s04", "s05", "s06", "s07",
    ]  # fmt: skip


def test_the_average_is_that_of_probabilities(singles):
    clips = together(*singles).parts["test"]
    tables = [read_predictions(run / "predictions" / "test.csv") for run in singles]
    mean = (tables[0]["p_sad"].cast(pl.Float64) + tables[1]["p_sad"].cast(pl.Float64)) / 2
    np.testing.assert_allclose(clips.averaged()["p_sad"], mean, rtol=1e-6)


def test_other_clips_are_counted_and_named(singles, other, single_parts):
    test = single_parts["test"]
    moved = test.with_columns(clip=pl.when(pl.int_range(len(test)) < 2).then("x" + pl.col("clip")).otherwise("clip"))
    run = other(parts=single_parts | {"test": moved, "val": single_parts["val"][:-1]})
    with pytest.raises(UserError) as caught:
        together(singles[0], run)
    assert caught.value.problems == [
        "the val clips differ: 1 only in loud (toy/s05/sad3)",
        "the test clips differ: 2 only in loud (toy/s06/angry0, toy/s06/angry1)",
        "the test clips differ: 2 only in pleasant (xtoy/s06/angry0, xtoy/s06/angry1)",
        "nothing can be stacked that is not of the same clips: members need the same corpus, label_set, split, "
        "split.seed and split.fold",
    ]


def test_other_labels_of_the_same_clips_are_named(singles, other, single_parts):
    test = single_parts["test"]
    changed = pl.when(pl.col("clip") == "toy/s06/sad0").then(pl.lit("happy")).otherwise("label")
    run = other(parts=single_parts | {"test": test.with_columns(label=changed)})
    with pytest.raises(UserError, match=r"1 labelled otherwise in pleasant \(toy/s06/sad0: sad and happy\)"):
        together(singles[0], run)


def test_other_training_clips_are_allowed(singles, other, single_parts):
    made = together(singles[0], other(parts=single_parts | {"train": single_parts["train"][:5]}))
    assert len(made.parts["test"].table) == 96


def test_other_classes_and_rates_are_refused_together(singles, other):
    with pytest.raises(UserError) as caught:
        together(singles[0], other(labels=("sad", "angry", "happy", "neutral"), rate=22050))
    assert caught.value.problems[:2] == [
        "the classes differ: loud has angry, happy, neutral, sad; pleasant has sad, angry, happy, neutral (their order "
        "counts too)",
        "the rates differ: loud has sample_rate=16000, pleasant has sample_rate=22050",
    ]


def test_a_run_and_a_multirun_are_refused(singles, multiruns):
    with pytest.raises(UserError, match="loud is a single run, pleasant the folds of a multirun"):
        together(singles[0], multiruns[1])


def test_folds_that_test_other_clips_are_named_by_their_number(multiruns, make_run, tmp_path):
    for k in range(3):
        parts = {part: read_predictions(multiruns[1] / str(k) / "predictions" / f"{part}.csv").select(
            "clip", "corpus", "speaker", "sex", "text", "intensity", "duration", "label"
        ) for part in ("train", "val", "test")}  # fmt: skip
        if k == 1:
            parts["test"] = parts["test"][1:]
        make_run(tmp_path / "changed" / str(k), "pleasant", parts=parts, fold=k + 1, folds=3)
    with pytest.raises(UserError) as caught:
        together(multiruns[0], tmp_path / "changed")
    assert caught.value.problems[0] == "the test clips of fold 2 differ: 1 only in loud (toy/s04/angry0)"
    assert len(caught.value.problems) == 2


def test_other_numbers_of_folds_are_refused(multiruns, make_run, single_parts, tmp_path):
    for k in range(2):
        make_run(tmp_path / "two" / str(k), "pleasant", parts=single_parts, fold=k + 1, folds=2)
    with pytest.raises(UserError, match="the folds differ: loud has 3, pleasant has 2"):
        together(multiruns[0], tmp_path / "two")
