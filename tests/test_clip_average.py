"""A clip's probabilities are the mean over its windows weighted by real samples, however the windows come."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ser_lightning.clip_average import ClipAverage, in_turn

RANDOM = torch.Generator().manual_seed(0)
NUM_CLIPS, NUM_CLASSES, NUM_WINDOWS = 12, 4, 50
PROBABILITIES = torch.randn(NUM_WINDOWS, NUM_CLASSES, generator=RANDOM).softmax(1)
LENGTH = torch.randint(1, 48_000, (NUM_WINDOWS,), generator=RANDOM)
CLIP = torch.randint(0, NUM_CLIPS, (NUM_WINDOWS,), generator=RANDOM)
TARGET_OF_CLIP = torch.randn(NUM_CLIPS, NUM_CLASSES, generator=RANDOM).softmax(1)


def averaged(batches: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The result where the windows come in these batches."""
    averages = ClipAverage(NUM_CLIPS, NUM_CLASSES)
    for batch in batches:
        averages.add(PROBABILITIES[batch], LENGTH[batch], CLIP[batch], TARGET_OF_CLIP[CLIP[batch]])
    return averages.result()


def test_two_windows_by_hand():
    averages = ClipAverage(3, 2)
    windows = torch.tensor([[0.9, 0.1], [0.3, 0.7]])
    averages.add(windows, torch.tensor([30_000, 10_000]), torch.tensor([1, 1]), torch.tensor([[0.0, 1.0]] * 2))
    clip, probabilities, target = averages.result()
    assert clip.tolist() == [1]
    assert probabilities[0].tolist() == pytest.approx([0.75, 0.25])
    assert target.tolist() == [[0.0, 1.0]]


def test_equals_numpys_weighted_average():
    clip, probabilities, target = averaged([torch.arange(NUM_WINDOWS)])
    assert clip.tolist() == sorted(set(CLIP.tolist()))
    for row, number in enumerate(clip.tolist()):
        mine = number == CLIP
        expected = np.average(PROBABILITIES[mine].double(), axis=0, weights=LENGTH[mine])
        np.testing.assert_allclose(probabilities[row], expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(clip)))
    assert torch.equal(target, TARGET_OF_CLIP[clip])


@pytest.mark.parametrize("size", [1, 3, 7, NUM_WINDOWS])
def test_neither_order_nor_batches_matter(size):
    expected = averaged([torch.arange(NUM_WINDOWS)])
    order = torch.randperm(NUM_WINDOWS, generator=RANDOM)
    clip, probabilities, target = averaged(list(order.split(size)))
    assert torch.equal(clip, expected[0])
    torch.testing.assert_close(probabilities, expected[1], rtol=0, atol=1e-6)
    assert torch.equal(target, expected[2])


def test_a_clip_of_one_window_keeps_its_probabilities():
    averages = ClipAverage(1, NUM_CLASSES)
    averages.add(PROBABILITIES[:1], LENGTH[:1], torch.tensor([0]), TARGET_OF_CLIP[:1])
    torch.testing.assert_close(averages.result()[1], PROBABILITIES[:1])


def test_clips_that_were_not_seen_are_left_out():
    clip, probabilities, target = averaged([])
    assert (clip.shape, probabilities.shape, target.shape) == ((0,), (0, NUM_CLASSES), (0, NUM_CLASSES))


def test_bfloat16_windows_are_summed_in_float32():
    averages = ClipAverage(1, 2)
    for _ in range(1000):
        averages.add(
            torch.tensor([[0.5, 0.5]], dtype=torch.bfloat16),
            torch.tensor([16_001]),
            torch.tensor([0]),
            torch.tensor([[1.0, 0.0]]),
        )
    assert averages.result()[1][0].tolist() == pytest.approx([0.5, 0.5], abs=1e-4)


@pytest.mark.parametrize("world", [2, 3])
def test_windows_of_several_processes_are_summed_in_the_order_of_one(world):
    """Bit by bit; where a process had no batch left, it repeated the last one."""
    batches = list(torch.arange(NUM_WINDOWS).split(8))
    turns = -(-len(batches) // world)
    padded = batches + [batches[-1]] * (turns * world - len(batches))
    mine = [padded[rank::world] for rank in range(world)]
    rows = in_turn([torch.cat(rank) for rank in mine], [[len(batch) for batch in rank] for rank in mine])
    assert rows[:NUM_WINDOWS].tolist() == list(range(NUM_WINDOWS))
