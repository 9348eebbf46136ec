"""An epoch draws each clip once, or evenly from groups, counted by hand; a clip drawn again is heard otherwise."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser_lightning.data.sampling import epoch_order, group_numbers
from ser_lightning.data.windows import Layout, TrainBatches
from ser_lightning.errors import UserError

TABLE = pl.DataFrame(
    {
        "part": ["train", "train", "train", "test", "train"],
        "label": ["sad", "sad", "happy", "fear", "sad"],
        "corpus": ["x", "x", "y", "y", "y"],
        "speaker": ["1", "2", "1", "3", "1"],
    }
)


def drawn(groups: list[int], seed: int = 0) -> tuple[list[int], list[int]]:
    order, visits = epoch_order(np.arange(len(groups)), np.array(groups), np.random.default_rng(seed))
    return order.tolist(), visits.tolist()


def test_a_hand_worked_epoch():
    """Six clips of one group, two of another: four draws each, so four of the six once and the two twice."""
    order, visits = drawn([0, 0, 0, 0, 0, 0, 1, 1])
    counts = Counter(order)
    assert (counts[6], counts[7]) == (2, 2)
    assert [count for row, count in counts.items() if row < 6] == [1, 1, 1, 1]
    seen = sorted(zip(order, visits, strict=True))
    assert [pair for pair in seen if pair[0] > 5] == [(6, 0), (6, 1), (7, 0), (7, 1)]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 5))
def test_groups_come_equally_often_and_no_clip_twice_more_than_its_neighbour(groups: list[int], seed: int):
    order, visits = drawn(groups, seed)
    assert len(order) == len(groups)
    by_group = Counter(groups[row] for row in order)
    assert set(by_group) <= set(groups)
    shares = [by_group[name] for name in set(groups)]
    assert max(shares) - min(shares) <= 1
    for name in set(groups):
        counts = Counter(row for row in order if groups[row] == name)
        times = [counts[row] for row, group in enumerate(groups) if group == name]
        assert max(times) - min(times) <= 1
    assert len(set(zip(order, visits, strict=True))) == len(order)
    assert (order, visits) == drawn(groups, seed)


def test_without_groups_every_row_comes_once():
    rows = np.array([3, 5, 8])
    order, visits = epoch_order(rows, None, np.random.default_rng(1))
    assert (sorted(order.tolist()), visits.tolist()) == ([3, 5, 8], [0, 0, 0])


@pytest.mark.parametrize(
    ("by", "same"),
    [("emotion", [[0, 1, 4], [2], [3]]), ("speaker", [[0], [1], [2, 4], [3]]), ("corpus", [[0, 1], [2, 3, 4]])],
)
def test_rows_of_one_group_share_a_number(by: str, same: list[list[int]]):
    numbers = group_numbers(TABLE, by)
    assert sorted(np.flatnonzero(numbers == name).tolist() for name in set(numbers.tolist())) == sorted(same)
    assert group_numbers(TABLE, None) is None


def test_what_cannot_be_balanced_is_refused():
    with pytest.raises(UserError, match="balanced_by=corpus needs at least two of them in training, there is one"):
        group_numbers(TABLE.filter(corpus="x"), "corpus")
    with pytest.raises(UserError, match="balanced_by=speaker needs the speaker of every clip"):
        group_numbers(TABLE.with_columns(speaker=pl.lit("")), "speaker")


def test_a_clip_drawn_again_in_an_epoch_is_cut_elsewhere():
    layout = Layout(np.array([0, 10_000]), np.array([10_000, 10_000]))
    batches = TrainBatches(
        Layout(np.repeat(layout.offset, [1, 19]), np.repeat(layout.length, [1, 19])),
        np.arange(20),
        window=10,
        batch_size=20,
        seed=0,
        groups=np.array([0] + [1] * 19),
    )
    (request,) = list(batches)
    assert sorted(request.visit[request.clip == 0].tolist()) == list(range(10))
    assert len(set(request.start[request.clip == 0].tolist())) == 10
