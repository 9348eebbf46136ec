"""No sample is heard twice in evaluation or from a neighbour in training, whatever the ranks and batch sizes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ser_lightning.data.samples import Samples
from ser_lightning.data.windows import EvalBatches, Layout, Request, TrainBatches, Windows

Int = npt.NDArray[np.int64]


def layout_of(lengths: list[int]) -> Layout:
    length = np.array(lengths, dtype=np.int64)
    return Layout(length.cumsum() - length, length)


def joined(requests: list[Request]) -> Request:
    """Several requests as one, in their order."""
    return Request(
        *(np.concatenate([request[at] for request in requests]) for at in range(4)),  # type: ignore[call-arg]
        epoch=requests[0].epoch,
    )


def same(one: Request, other: Request) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def train(
    lengths: list[int], *, epoch: int = 0, batch_size: int = 4, seed: int = 0, rank: int = 0, world: int = 1
) -> list[Request]:
    layout = layout_of(lengths)
    batches = TrainBatches(
        layout, np.arange(len(lengths)), window=10, batch_size=batch_size, seed=seed, rank=rank, world=world
    )
    batches.set_epoch(epoch)
    made = list(batches)
    assert len(made) == len(batches)
    return made


def test_a_request_is_answered_with_its_waves_targets_and_rows():
    targets = np.eye(3, dtype=np.float32)[[0, 2, 1]]
    windows = Windows(Samples(np.arange(20, dtype=np.int16)), targets, window=4)
    batch = windows[Request(np.array([5, 16]), np.array([4, 2]), np.array([2, 1]), np.array([0, 3]), 7)]
    assert batch.wave.tolist() == [[5, 6, 7, 8], [16, 17, 0, 0]]
    facts = batch.facts
    assert (batch.wave.dtype, facts.length.dtype, facts.target.dtype) == (torch.int16, torch.int64, torch.float32)
    assert (facts.length.tolist(), facts.clip.tolist(), facts.visit.tolist(), facts.epoch) == (
        [4, 2],
        [2, 1],
        [0, 3],
        7,
    )
    assert facts.target.tolist() == [[0, 1, 0], [0, 0, 1]]


class TestTrainBatches:
    lengths = st.lists(st.integers(1, 40), min_size=1, max_size=30)

    @given(lengths, st.integers(0, 3), st.integers(1, 9), st.integers(0, 3))
    def test_a_clip_comes_once_an_epoch_at_most_and_each_crop_lies_in_its_clip(
        self, lengths: list[int], epoch: int, batch_size: int, seed: int
    ):
        made = train(lengths, epoch=epoch, batch_size=batch_size, seed=seed)
        size = min(batch_size, len(lengths))
        assert [len(request.clip) for request in made] == [size] * (len(lengths) // size)
        start, length, clip, visit, seen = joined(made)
        assert not visit.any()
        assert len(set(clip.tolist())) == len(clip)
        layout = layout_of(lengths)
        np.testing.assert_array_equal(length, np.minimum(layout.length[clip], 10))
        assert (start >= layout.offset[clip]).all()
        assert (start + length <= layout.offset[clip] + layout.length[clip]).all()
        assert seen == epoch

    @given(lengths, st.integers(1, 4), st.integers(1, 4), st.integers(0, 3))
    def test_all_ranks_together_are_the_batch_of_one_process(
        self, lengths: list[int], batch_size: int, world: int, epoch: int
    ):
        if len(lengths) < batch_size * world:
            lengths = lengths * (batch_size * world)
        one = train(lengths, epoch=epoch, batch_size=batch_size * world)
        ranks = [train(lengths, epoch=epoch, batch_size=batch_size, rank=rank, world=world) for rank in range(world)]
        assert len({len(rank) for rank in ranks}) == 1
        assert [same(joined(list(parts)), whole) for whole, *parts in zip(one, *ranks, strict=True)] == [True] * len(
            one
        )

    def test_an_epoch_is_a_function_of_seed_and_epoch(self):
        lengths = list(range(20, 60))
        again = [same(a, b) for a, b in zip(train(lengths, epoch=3), train(lengths, epoch=3), strict=True)]
        assert again == [True] * 10
        drawn = {(seed, epoch): joined(train(lengths, seed=seed, epoch=epoch)) for seed in (0, 1) for epoch in (0, 1)}
        assert len({tuple(request.clip.tolist()) for request in drawn.values()}) == 4
        places = {
            key: tuple((request.start - layout_of(lengths).offset[request.clip])[np.argsort(request.clip)].tolist())
            for key, request in drawn.items()
        }
        assert len(set(places.values())) == 4

    def test_an_epoch_may_be_drawn_before_the_one_before_it(self):
        lengths = [30] * 8
        batches = TrainBatches(layout_of(lengths), np.arange(8), window=10, batch_size=4, seed=0)
        seen = {}
        for epoch in (2, 0, 1, 0, 2):
            batches.set_epoch(epoch)
            got = joined(list(batches))
            assert same(seen.setdefault(epoch, got), got)
            assert same(joined(train(lengths, epoch=epoch)), got)

    def test_every_place_of_a_clip_is_cut_about_equally_often(self):
        """Five places in each of 50 clips and 80 epochs: 800 expected of each, standard deviation 25."""
        counts = np.zeros(5, dtype=int)
        for epoch in range(80):
            request = joined(train([14] * 50, epoch=epoch, batch_size=10))
            counts += np.bincount(request.start - 14 * request.clip, minlength=5)
        assert counts.sum() == 4000
        assert np.abs(counts - 800).max() < 5 * 25.3

    def test_the_clips_that_wait_are_others_in_another_epoch(self):
        left = {
            frozenset(range(10)) - frozenset(joined(train([20] * 10, epoch=epoch)).clip.tolist()) for epoch in range(9)
        }
        assert {len(clips) for clips in left} == {2}
        assert len(frozenset().union(*left)) > 5

    @pytest.mark.parametrize(
        ("clips", "world", "batches", "size"), [(3, 1, 1, 3), (3, 2, 1, 1), (5, 2, 1, 2), (1, 1, 1, 1)]
    )
    def test_fewer_clips_than_a_batch_make_a_smaller_batch(self, clips: int, world: int, batches: int, size: int):
        for rank in range(world):
            made = train([20] * clips, batch_size=32, rank=rank, world=world)
            assert [len(request.clip) for request in made] == [size] * batches

    def test_only_the_rows_given_are_drawn(self):
        rows = np.array([1, 4, 6, 9])
        batches = TrainBatches(layout_of([20] * 12), rows, window=10, batch_size=2, seed=0)
        assert sorted(joined(list(batches)).clip.tolist()) == rows.tolist()


class TestEvalBatches:
    lengths = st.lists(st.integers(1, 45), min_size=1, max_size=20)

    @given(lengths, st.integers(1, 12), st.integers(1, 9))
    def test_windows_tile_every_clip_and_only_the_last_is_short(self, lengths: list[int], window: int, batch_size: int):
        batches = EvalBatches(layout_of(lengths), np.arange(len(lengths)), window=window, batch_size=batch_size)
        made = list(batches)
        assert len(made) == len(batches)
        assert [len(request.clip) for request in made[:-1]] == [batch_size] * (len(made) - 1)
        start, length, clip, *_ = joined(made)
        heard = [np.arange(first, first + size) for first, size in zip(start, length, strict=True)]
        np.testing.assert_array_equal(np.concatenate(heard), np.arange(sum(lengths)))
        np.testing.assert_array_equal(np.bincount(clip, weights=length), lengths)
        np.testing.assert_array_equal(clip, np.repeat(np.arange(len(lengths)), [-(-n // window) for n in lengths]))
        last = np.append(np.diff(clip) > 0, True)
        assert (length[~last] == window).all()
        assert (length > 0).all()

    @given(lengths, st.integers(1, 5))
    def test_ranks_take_the_batches_of_one_process_in_turn(self, lengths: list[int], world: int):
        rows = np.arange(len(lengths))
        whole = list(EvalBatches(layout_of(lengths), rows, window=10, batch_size=4))
        ranks = [
            list(EvalBatches(layout_of(lengths), rows, window=10, batch_size=4, rank=rank, world=world))
            for rank in range(world)
        ]
        assert {len(rank) for rank in ranks} == {-(-len(whole) // world)}
        in_turn = [ranks[number % world][number // world] for number in range(len(ranks[0]) * world)]
        for one, other in zip(in_turn, whole + [whole[-1]] * (len(in_turn) - len(whole)), strict=True):
            assert [column.tolist() for column in one[:4]] == [column.tolist() for column in other[:4]]

    def test_a_hand_worked_case(self):
        """Clips of 25 and 10 samples behind one of 7, windows of 10, batches of 3."""
        batches = EvalBatches(layout_of([7, 25, 10]), np.array([1, 2]), window=10, batch_size=3)
        assert [(r.start.tolist(), r.length.tolist(), r.clip.tolist(), r.epoch) for r in batches] == [
            ([7, 17, 27], [10, 10, 5], [1, 1, 1], 0),
            ([32], [10], [2], 0),
        ]

    def test_a_rank_for_which_no_batch_is_left_repeats_the_last(self):
        batches = EvalBatches(layout_of([5]), np.array([0]), window=10, batch_size=4, rank=1, world=2)
        assert [request.clip.tolist() for request in batches] == [[0]]
        assert batches.num_windows == 1
