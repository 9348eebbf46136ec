"""What a clip gets depends on the seed, the epoch and the clip, and on nothing else of the batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ser_lightning.augment.pipeline import Augment
from ser_lightning.augment.spectrum import SpecAugment
from ser_lightning.augment.wave import Gain, Noise, Shift
from ser_lightning.counted import Key

RANDOM = torch.Generator().manual_seed(0)
WAVE = torch.randn(24, 800, generator=RANDOM)
LOG_MEL = torch.randn(24, 16, 40, generator=RANDOM)
CLIP = torch.randint(0, 10_000, (24,), generator=RANDOM)
STAGES = [("wave", WAVE), ("spectrum", LOG_MEL)]


def everything() -> Augment:
    return Augment(
        wave={
            "shift": Shift(seconds=0.01, sample_rate=16_000),
            "gain": Gain(low_db=-6.0, high_db=6.0),
            "noise": Noise(probability=0.5, low_snr_db=15.0, high_snr_db=40.0, bank_size=2**14),
        },
        spectrum={"specaugment": SpecAugment(num_mel_masks=1, mel_width=4, num_frame_masks=2, frame_width=8)},
    )


def augmented(stage: str, given: torch.Tensor, key: Key, augment: Augment | None = None) -> torch.Tensor:
    augment = augment or everything()
    return augment.wave(given, key) if stage == "wave" else augment.spectrum(given, key)


@pytest.mark.parametrize(("stage", "given"), STAGES)
def test_every_clip_is_changed(stage, given):
    changed = (augmented(stage, given, Key(0, 0, CLIP)) != given).flatten(1).any(dim=1)
    assert changed.sum() >= 23  # SpecAugment may draw three widths of 0


@pytest.mark.parametrize(("stage", "given"), STAGES)
@pytest.mark.parametrize("size", [1, 5, 23])
def test_batch_size_does_not_matter(stage, given, size):
    whole = augmented(stage, given, Key(3, 2, CLIP))
    parts = [
        augmented(stage, part, Key(3, 2, clip)) for part, clip in zip(given.split(size), CLIP.split(size), strict=True)
    ]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("stage", "given"), STAGES)
def test_neither_order_nor_company_matters(stage, given):
    whole = augmented(stage, given, Key(3, 2, CLIP))
    order = torch.randperm(24, generator=RANDOM)[:9]
    torch.testing.assert_close(augmented(stage, given[order], Key(3, 2, CLIP[order])), whole[order], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("stage", "given"), STAGES)
@pytest.mark.parametrize("other", [Key(3, 3, CLIP), Key(4, 2, CLIP), Key(3, 2, CLIP + 1)], ids=["epoch", "seed", "row"])
def test_epoch_seed_and_clip_matter(stage, given, other):
    drawn, redrawn = augmented(stage, given, Key(3, 2, CLIP)), augmented(stage, given, other)
    assert (drawn != redrawn).flatten(1).any(dim=1).sum() >= 20


@pytest.mark.parametrize(("stage", "given"), STAGES)
def test_the_same_key_draws_the_same_again(stage, given):
    augment = everything()
    first = augmented(stage, given, Key(3, 2, CLIP), augment)
    torch.rand(10)  # whatever else draws from the global generator
    augmented(stage, given, Key(3, 3, CLIP), augment)
    assert torch.equal(augmented(stage, given, Key(3, 2, CLIP), augment), first)
    assert torch.equal(augmented(stage, given, Key(3, 2, CLIP)), first)


@pytest.mark.parametrize(("stage", "given"), STAGES)
@pytest.mark.parametrize(
    "augment",
    [Augment(), Augment(wave={}, spectrum={}), Augment(wave={"gain": None}, spectrum={"specaugment": None})],
    ids=["nothing", "empty", "null"],
)
def test_nothing_is_identity(stage, given, augment):
    assert torch.equal(augmented(stage, given, Key(0, 0, CLIP), augment), given)


def test_a_name_set_to_null_is_off_and_changes_no_other_draw():
    gain = Gain(low_db=-6.0, high_db=6.0)
    shift = Shift(seconds=0.01, sample_rate=16_000)
    key = Key(1, 1, CLIP)
    without = Augment(wave={"shift": None, "gain": gain}).wave(WAVE, key)
    assert torch.equal(without, gain(WAVE, key))
    with_shift = Augment(wave={"shift": shift, "gain": gain}).wave(WAVE, key)
    assert torch.equal(with_shift, gain(shift(WAVE, key), key))


class AddOne(nn.Module):
    """Shows the order of a stage."""

    def forward(self, wave: torch.Tensor, key: Key) -> torch.Tensor:
        return wave + 1.0


class Double(nn.Module):
    def forward(self, wave: torch.Tensor, key: Key) -> torch.Tensor:
        return wave * 2.0


def test_a_stage_runs_in_the_order_of_its_names():
    key, zero = Key(0, 0, CLIP[:1]), torch.zeros(1, 1)
    assert Augment(wave={"z": AddOne(), "a": Double()}).wave(zero, key).item() == 2.0
    assert Augment(wave={"z": Double(), "a": AddOne()}).wave(zero, key).item() == 1.0


def test_the_stages_are_apart():
    augment = Augment(wave={"gain": Double()})
    assert torch.equal(augment.spectrum(LOG_MEL, Key(0, 0, CLIP)), LOG_MEL)


def test_the_banks_follow_the_device_and_stay_out_of_checkpoints():
    augment = everything().to("meta")
    assert {buffer.device.type for buffer in augment.buffers()} == {"meta"}
    assert list(augment.state_dict()) == []
