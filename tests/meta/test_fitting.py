import numpy as np
import polars as pl
import pytest

from ser_lightning.evaluation.scores import table_scores
from ser_lightning.meta.comparison import score
from ser_lightning.meta.fitting import cross_fit, fit
from ser_lightning.meta.members import read_members
from ser_lightning.meta.search import Search
from ser_lightning.meta.together import Clips, Together, put_together

METAS = ("random_forest", "extra_trees", "gradient_boosting", "logistic")


def search(meta="logistic"):
    iterations = 1 if meta == "gradient_boosting" else 2
    return Search(meta=meta, iterations=iterations, num_folds=3, jobs=1, seed=0)


def silent(text):
    pass


def together(entries):
    return put_together(read_members([str(entry) for entry in entries]))


@pytest.mark.parametrize("meta", METAS)
def test_members_that_know_half_each_are_mended_by_the_stack(singles, meta):
    both = together(singles)
    fitted = fit(both, search(meta), tell=silent)
    test = both.parts["test"]
    alone = [score(test.of_member(index), both.labels) for index in range(2)]
    assert max(alone) < 0.6
    assert score(test.averaged(), both.labels) < 0.6
    assert score(fitted.tables["test"], both.labels) > 0.9
    assert table_scores(fitted.tables["test"], both.labels)["log_loss"] < 0.7
    assert score(fitted.tables["val"], both.labels) > 0.85


def test_over_folds_too(multiruns):
    both = together(multiruns)
    said = []
    fitted = fit(both, search(), tell=said.append)
    assert score(fitted.tables["test"], both.labels) > 0.9
    assert list(fitted.tables) == ["test"]
    assert list(fitted.of_fold) == [1, 2, 3]
    assert said == [
        "searching for fold 1 on 64 clips of the others",
        "searching for fold 2 on 64 clips of the others",
        "searching for fold 3 on 64 clips of the others",
        "searching on all 96 clips, for new ones",
    ]


def test_the_labels_of_a_fold_change_nothing_in_what_is_said_of_it(multiruns):
    both = together(multiruns)
    clips = both.parts["test"]
    tested = both.fold == 2
    permuted = clips.table["label"].to_numpy().copy()
    permuted[tested] = np.random.default_rng(0).permutation(permuted[tested])
    changed = Clips(clips.table.with_columns(label=pl.Series(permuted)), clips.labels, clips.probabilities)
    before, after = (cross_fit(one, both.fold, search(), tell=silent)[1] for one in (clips, changed))
    np.testing.assert_array_equal(before[tested], after[tested])
    assert np.abs(before[~tested] - after[~tested]).max() > 0.01


def test_the_test_labels_of_single_runs_change_nothing(singles):
    both = together(singles)
    test = both.parts["test"]
    others = Clips(test.table.with_columns(label=pl.lit("sad")), test.labels, test.probabilities)
    changed = Together(both.members, both.parts | {"test": others}, both.fold)
    before, after = (fit(one, search(), tell=silent).tables["test"] for one in (both, changed))
    assert before.drop("label").equals(after.drop("label"))


def test_the_inner_folds_of_a_fold_hold_only_the_others(multiruns):
    both = together(multiruns)
    found, _ = cross_fit(both.parts["test"], both.fold, search(), tell=silent)
    for one in found.values():
        assert one.inner.disjoint == "speakers"
        assert sum(len(held_out) for _, held_out in one.inner.folds) == 64


def test_a_class_that_val_lacks_gets_nothing(make_run, single_parts, tmp_path):
    val = single_parts["val"].filter(pl.col("label") != "neutral")
    runs = [
        make_run(tmp_path / sees, sees, parts=single_parts | {"val": val}, seed=seed)
        for seed, sees in enumerate(("loud", "pleasant"))
    ]
    fitted = fit(together(runs), search("random_forest"), tell=silent)
    for table in fitted.tables.values():
        assert (table["p_neutral"] == 0).all()
        sums = table.select(pl.sum_horizontal(f"p_{label}" for label in ("angry", "happy", "sad"))).to_series()
        np.testing.assert_allclose(sums, 1, atol=1e-6)


def test_one_speaker_in_val_is_cut_by_texts(make_run, single_parts, tmp_path):
    val = single_parts["val"].with_columns(speaker=pl.lit("s02"))
    runs = [make_run(tmp_path / sees, sees, parts=single_parts | {"val": val}) for sees in ("loud", "pleasant")]
    assert fit(together(runs), search(), tell=silent).final.inner.disjoint == "texts"
