"""The choice of whole units: nothing that was not drawn is more even, by all the choices that there are."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from ser_lightning.data.splits import evenness
from ser_lightning.data.splits.evenness import choose_units, deal_units


def uneven_table(seed: int, num_units: int = 6) -> pl.DataFrame:
    """Clips of units of uneven size, labels and sexes."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"u{unit}", "mf"[unit % 2], ("sad", "happy", "fear")[label])
        for unit in range(num_units)
        for label in rng.choice(3, p=rng.dirichlet(np.ones(3)), size=rng.integers(5, 40))
    ]
    return pl.DataFrame(rows, schema=["unit", "sex", "label"], orient="row")


def distance(table: pl.DataFrame, parts: pl.Series, shares: dict[object, float]) -> float:
    """How far the parts are from their shares, written out."""
    total = 0.0
    for key in ("label", "sex"):
        for value, clips in Counter(table[key].to_list()).items():
            for part, share in shares.items():
                number = len(table.filter((pl.col(key) == value) & (parts == part)))
                total += (number / (share * clips) - 1) ** 2
    return total


def placed(table: pl.DataFrame, parts: dict[str, object]) -> pl.Series:
    return pl.Series([parts[unit] for unit in table["unit"]])


@pytest.mark.parametrize("seed", range(3))
def test_no_choice_of_parts_is_more_even(seed):
    table = uneven_table(seed)
    shares: dict[object, float] = {"test": 2 / 6, "val": 1 / 6, "train": 3 / 6}
    orders = {tuple(order) for order in permutations(["test"] * 2 + ["val"] + ["train"] * 3)}
    assert len(orders) == 60
    all_distances = [
        distance(table, placed(table, {f"u{n}": part for n, part in enumerate(order)}), shares) for order in orders
    ]
    made = choose_units(table, num_test=2, num_val=1, seed=seed)
    assert distance(table, made, shares) == pytest.approx(min(all_distances))


@pytest.mark.parametrize("seed", range(3))
def test_no_deal_of_folds_is_more_even(seed):
    table = uneven_table(seed)
    shares: dict[object, float] = dict.fromkeys((1, 2, 3), 1 / 3)
    orders = set(permutations([1, 2, 3] * 2))
    assert len(orders) == 90
    all_distances = [
        distance(table, placed(table, {f"u{n}": part for n, part in enumerate(order)}), shares) for order in orders
    ]
    assert distance(table, deal_units(table, num_folds=3, seed=seed), shares) == pytest.approx(min(all_distances))


@pytest.mark.parametrize("corpus", ["ravdess", "emodb", "cremad"])
def test_labels_are_as_even_over_folds_as_scikit_learn_deals_them(shaped, corpus):
    table = shaped[corpus].with_columns(unit="speaker")
    shares: dict[object, float] = dict.fromkeys(range(1, 6), 1 / 5)
    theirs = np.zeros(len(table), int)
    folds = StratifiedGroupKFold(5).split(np.zeros(len(table)), table["label"].to_list(), table["unit"].to_list())
    for fold, (_, test) in enumerate(folds, start=1):
        theirs[test] = fold
    ours = deal_units(table, num_folds=5, seed=0)
    assert distance(table, ours, shares) <= distance(table, pl.Series(theirs), shares)


def test_many_units_are_drawn_less_often(monkeypatch):
    table = uneven_table(0, num_units=20)
    few = choose_units(table, num_test=4, num_val=4, seed=0)
    monkeypatch.setattr(evenness, "CELLS", 20)
    fewer = choose_units(table, num_test=4, num_val=4, seed=0)
    shares: dict[object, float] = {"test": 0.2, "val": 0.2, "train": 0.6}
    assert distance(table, few, shares) < distance(table, fewer, shares)
    units = table.with_columns(part=fewer).group_by("part").agg(pl.col("unit").n_unique())
    assert dict(units.iter_rows()) == {"test": 4, "val": 4, "train": 12}
