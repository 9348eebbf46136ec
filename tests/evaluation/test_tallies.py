"""A table is counted once: what follows for groups and weightings is what their own tables give."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser_lightning.evaluation.scores import all_scores
from ser_lightning.evaluation.tallies import (
    BLOCK,
    NUM_BINS,
    concordance,
    confidence_bin,
    group_sums,
    numbered,
    own_concordance,
    score_blocks,
    table_sums,
    tally,
)

LABELS = ("angry", "happy", "sad", "calm")


def assert_same_sums(found, expected):
    for name, value in expected._asdict().items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-9, atol=1e-9, err_msg=name)


def repeated(table, weights):
    """The table with the clips of each speaker so many times."""
    speakers = table["speaker"].unique().sort().to_list()
    return pl.concat(
        table.filter(pl.col("speaker") == speaker)
        for speaker, weight in zip(speakers, weights, strict=True)
        for _ in range(weight)
    )


@settings(max_examples=40)
@given(
    weights=st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(any),
    seed=st.integers(0, 2**16),
    decimals=st.sampled_from([None, 0, 1]),
)
def test_a_weighting_is_a_table_with_speakers_repeated(random_table, weights, seed, decimals):
    table = random_table(LABELS, 41, 4, seed=seed, decimals=decimals, soft=True)
    of_repeated = table_sums(repeated(table, weights), LABELS)
    weighted = tally(table, LABELS, table["speaker"]).weighted(np.array([[1, 1, 1, 1], weights]))
    assert_same_sums(type(weighted)(*(value[1] for value in weighted)), of_repeated)
    for name, value in all_scores(of_repeated).items():
        np.testing.assert_allclose(all_scores(weighted)[name][1], value, rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("decimals", [None, 1])
@pytest.mark.parametrize("soft", [False, True])
def test_groups_add_up_to_the_total(random_table, decimals, soft):
    table = random_table(LABELS, 400, 7, decimals=decimals, soft=soft)
    of_speakers = tally(table, LABELS, table["speaker"])
    assert_same_sums(of_speakers.total(), table_sums(table, LABELS))
    assert_same_sums(tally(table, LABELS).total(), table_sums(table, LABELS))
    assert of_speakers.sums.confusion.sum() == 400
    assert of_speakers.sums.bins[..., 0].sum() == 400


@pytest.mark.parametrize("decimals", [None, 1])
def test_the_sums_of_a_group_are_those_of_its_own_table(random_table, decimals):
    table = random_table(LABELS, 100, 3, decimals=decimals)
    of_tally, alone = tally(table, LABELS, table["speaker"]).sums, group_sums(table, LABELS, table["speaker"])
    assert_same_sums(alone, of_tally)
    for index, speaker in enumerate(["s00", "s01", "s02"]):
        own = table_sums(table.filter(pl.col("speaker") == speaker), LABELS)
        assert_same_sums(type(alone)(*(value[index] for value in alone)), own)


def test_concordance_by_hand():
    """Clips of the class: 0.9 of a, 0.5 of b; others: 0.5 of a, 0.7 of b. A tie is half a pair."""
    score, positive = np.array([0.9, 0.5, 0.5, 0.7]), np.array([True, False, True, False])
    group = np.array([0, 0, 1, 1])
    assert concordance(score, positive, group, 2).tolist() == [[1.0, 1.0], [0.5, 0.0]]
    assert own_concordance(score, positive, group, 2).tolist() == [1.0, 0.0]


def test_ties_across_groups_are_no_pairs_within_them():
    score, positive = np.full(5, 0.5), np.array([True, False, True, False, False])
    group = np.array([0, 0, 1, 1, 1])
    assert concordance(score, positive, group, 2).tolist() == [[0.5, 1.0], [0.5, 1.0]]
    assert own_concordance(score, positive, group, 2).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("decimals", [6, 2, 1, 0], ids=["few ties", "some ties", "many ties", "two values"])
def test_concordance_of_many_blocks_is_that_of_all_pairs(decimals):
    rng = np.random.default_rng(decimals)
    score, positive = rng.random(12 * BLOCK).round(decimals), rng.random(12 * BLOCK) < 0.3
    group = rng.integers(0, 3, len(score))
    found = concordance(score, positive, group, 4)
    for a in range(4):
        for b in range(4):
            pairs = score[positive & (group == a)][:, None] - score[~positive & (group == b)]
            assert found[a, b] == ((np.sign(pairs) + 1) / 2).sum()
    assert own_concordance(score, positive, group, 4).tolist() == np.diagonal(found).tolist()


def test_blocks_keep_equal_scores_together_and_are_small():
    score = np.concatenate([np.linspace(0, 1, 5 * BLOCK), np.full(3 * BLOCK, 0.3), np.full(BLOCK - 1, 0.7)])
    block = score_blocks(score)
    assert (np.diff(block[np.argsort(score, kind="stable")]) >= 0).all()
    for value in (0.3, 0.7):
        assert len(set(block[score == value])) == 1
    sizes = np.bincount(block)
    assert len(sizes) > 5
    assert sorted(sizes)[-2] < 2 * BLOCK
    assert sizes[block[score == 0.3][0]] == sizes.max() == (score == 0.3).sum()


@pytest.mark.parametrize(
    ("confidence", "number"),
    [(0.0, 0), (0.01, 0), (0.0667, 1), (0.2, 2), (0.5, 7), (0.6, 8), (0.96, 14), (1.0, NUM_BINS - 1)],
)
def test_bins_of_confidence(confidence, number):
    assert confidence_bin(np.array([confidence])).tolist() == [number]


def test_groups_are_numbered_as_they_sort():
    number, num = numbered(pl.Series(["ö", "b", "", "B", "b"]), 5)
    assert (number.tolist(), num) == ([3, 2, 0, 1, 2], 4)
    assert sorted({"ö", "b", "", "B"}) == ["", "B", "b", "ö"]


def test_a_label_that_is_no_class_is_an_error(random_table):
    table = random_table(LABELS, 10, 1).with_columns(label=pl.lit("bored"))
    with pytest.raises(KeyError, match="bored"):
        tally(table, LABELS)
