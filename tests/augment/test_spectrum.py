"""SpecAugment's masks: how wide, where, and that nothing else changes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ser_lightning.augment.spectrum import SpecAugment, stretch
from ser_lightning.counted import Key

RANDOM = torch.Generator().manual_seed(0)
CLIPS = torch.arange(3000)
MELS, FRAMES = 16, 40


def ones(batch: int = len(CLIPS)) -> Tensor:
    return torch.ones(batch, MELS, FRAMES)


def only_mels(width: int, *, number: int = 1) -> SpecAugment:
    return SpecAugment(num_mel_masks=number, mel_width=width, num_frame_masks=0, frame_width=0)


def only_frames(width: int, *, number: int = 1) -> SpecAugment:
    return SpecAugment(num_mel_masks=0, mel_width=0, num_frame_masks=number, frame_width=width)


def runs(hidden: Tensor) -> tuple[Tensor, Tensor]:
    """First place and width of the hidden stretch of each row; asserts that it is one stretch."""
    edges = torch.nn.functional.pad(hidden.int(), (1, 1)).diff(dim=1)
    assert (edges == 1).sum(1).max() <= 1
    return (edges == 1).int().argmax(1), hidden.sum(1)


def test_stretch_by_hand():
    places = stretch(torch.tensor([0, 2, 4, 1]), torch.tensor([2, 3, 1, 0]), 5)
    assert places.int().tolist() == [[1, 1, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]


def test_one_mel_mask_is_a_band_over_all_frames():
    masked = only_mels(5)(ones(), Key(0, 0, CLIPS))
    assert torch.equal(masked, masked[:, :, :1].expand_as(masked))
    first, width = runs(masked[:, :, 0] == 0)
    assert width.unique().tolist() == [0, 1, 2, 3, 4, 5]
    assert width.double().mean().item() == pytest.approx(2.5, abs=0.13)
    assert (first + width).max() == MELS
    assert first[width > 0].min() == 0


def test_one_frame_mask_is_a_stretch_over_all_mels():
    masked = only_frames(9)(ones(), Key(0, 0, CLIPS))
    assert torch.equal(masked, masked[:, :1, :].expand_as(masked))
    first, width = runs(masked[:, 0, :] == 0)
    assert width.unique().tolist() == list(range(10))
    assert (first + width).max() == FRAMES
    assert first[width > 0].min() == 0


def test_places_are_uniform():
    first, width = runs(only_mels(1)(ones(), Key(0, 0, CLIPS))[:, :, 0] == 0)
    chosen = first[width == 1]
    # 16 places, 1500 draws: about 94 each, standard deviation 9.4.
    assert torch.bincount(chosen, minlength=MELS).sub(len(chosen) / MELS).abs().max() < 4 * 9.4


@pytest.mark.parametrize("augment", [only_mels(100), only_frames(100)])
def test_masks_wider_than_the_image_cover_at_most_all_of_it(augment):
    masked = augment(ones(), Key(0, 0, CLIPS))
    share = (masked == 0).double().mean(dim=(1, 2))
    assert share.min() == 0.0
    assert share.max() == 1.0


@pytest.mark.parametrize(("augment", "across"), [(only_mels(5, number=2), 2), (only_frames(5, number=2), 1)])
def test_two_masks_may_be_apart_and_together_stay_within_their_widths(augment, across):
    hidden = (augment(ones(), Key(0, 0, CLIPS)) == 0).all(dim=across)
    assert hidden.sum(1).max() == 10
    starts = (torch.nn.functional.pad(hidden.int(), (1, 0)).diff(dim=1) == 1).sum(1)
    assert starts.unique().tolist() == [0, 1, 2]


def test_what_is_not_masked_is_unchanged():
    log_mel = torch.randn(200, MELS, FRAMES, generator=RANDOM)
    augment = SpecAugment(num_mel_masks=1, mel_width=4, num_frame_masks=2, frame_width=8)
    masked = augment(log_mel, Key(0, 0, CLIPS[:200]))
    kept = masked != 0
    assert torch.equal(masked[kept], log_mel[kept])
    assert 0.1 < (~kept).double().mean() < 0.5
    assert log_mel.count_nonzero() == log_mel.numel()  # the argument itself is left alone


@pytest.mark.parametrize(
    "augment", [only_mels(0), only_frames(0), only_mels(5, number=0)], ids=["no mel", "no frame", "no masks"]
)
def test_nothing_to_mask_is_identity(augment):
    log_mel = torch.randn(20, MELS, FRAMES, generator=RANDOM)
    assert torch.equal(augment(log_mel, Key(0, 0, CLIPS[:20])), log_mel)


def test_mel_and_frame_masks_are_drawn_apart():
    both = SpecAugment(num_mel_masks=1, mel_width=5, num_frame_masks=1, frame_width=5)(ones(), Key(0, 0, CLIPS))
    mel_width = (both == 0).all(dim=2).sum(1).double()
    frame_width = (both == 0).all(dim=1).sum(1).double()
    correlation = torch.corrcoef(torch.stack([mel_width, frame_width]))[0, 1]
    assert abs(correlation.item()) < 4 / len(CLIPS) ** 0.5
