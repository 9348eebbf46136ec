"""Shift, gain and noise by physics, and their draws by clip."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ser_lightning.augment.wave import Gain, Noise, Shift, add_noise, apply_gain, shift
from ser_lightning.counted import Key

RATE = 16_000
RANDOM = torch.Generator().manual_seed(0)
MANY = torch.arange(2000)


def decibels(power: Tensor) -> Tensor:
    return 10 * power.log10()


def impulses(places: list[int], time: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(places), time).float()


def test_shift_moves_an_impulse_by_its_samples():
    moved = shift(impulses([50, 50, 50, 50], 100), torch.tensor([0, 7, -7, 49]), most=49)
    assert torch.equal(moved, impulses([50, 57, 43, 99], 100))


def test_shift_loses_what_leaves_at_either_end():
    moved = shift(impulses([99, 0, 50, 50], 100), torch.tensor([1, -1, 50, -51]), most=100)
    assert torch.equal(moved, torch.zeros(4, 100))


@pytest.mark.parametrize("samples", [100, -100])
def test_a_shift_by_the_window_leaves_silence(samples):
    wave = torch.randn(1, 100, generator=RANDOM)
    assert torch.equal(shift(wave, torch.tensor([samples]), most=100), torch.zeros(1, 100))


def test_a_shift_longer_than_the_window_is_drawn_within_it():
    wave = torch.ones(len(MANY), 10)
    moved = Shift(seconds=0.01, sample_rate=RATE)(wave, Key(0, 0, MANY))  # 160 samples either way
    assert moved.sum(1).unique().tolist() == list(map(float, range(11)))
    assert (moved.sum(1) == 0).double().mean().item() == pytest.approx(302 / 321, abs=0.02)


def test_shift_and_back_keeps_the_middle():
    wave = torch.randn(2, 1000, generator=RANDOM)
    samples = torch.tensor([130, -70])
    back = shift(shift(wave, samples, most=130), -samples, most=130)
    assert torch.equal(back[0, :870], wave[0, :870])
    assert torch.equal(back[0, 870:], torch.zeros(130))
    assert torch.equal(back[1, 70:], wave[1, 70:])


def test_drawn_shifts_are_whole_samples_uniform_both_ways():
    place, time = 500, 1001
    wave = impulses([place], time).expand(len(MANY), time)
    moved = Shift(seconds=0.002, sample_rate=RATE)(wave, Key(0, 0, MANY))  # 32 samples
    assert torch.equal(moved.sum(1), torch.ones(len(MANY)))
    samples = moved.argmax(1) - place
    assert samples.unique().tolist() == list(range(-32, 33))
    # Uniform over 65 values: mean 0 within four standard errors of 18.8 / sqrt(2000).
    assert samples.double().mean().item() == pytest.approx(0.0, abs=1.7)


def test_no_seconds_no_shift():
    wave = torch.randn(20, 100, generator=RANDOM)
    assert torch.equal(Shift(seconds=0.0, sample_rate=RATE)(wave, Key(0, 0, MANY[:20])), wave)


def test_gain_in_decibels():
    wave = torch.randn(4, 1000, generator=RANDOM)
    gain_db = torch.tensor([-20.0, -6.0, 0.0, 6.0])
    louder = apply_gain(wave, gain_db)
    change = decibels(louder.square().mean(1)) - decibels(wave.square().mean(1))
    torch.testing.assert_close(change, gain_db, rtol=0, atol=1e-4)
    assert torch.equal(louder[2], wave[2])
    torch.testing.assert_close(louder[0], wave[0] / 10)


def test_drawn_gains_fill_their_range():
    change = decibels(Gain(low_db=-6.0, high_db=3.0)(torch.ones(len(MANY), 1), Key(0, 0, MANY)).square())[:, 0]
    assert change.min().item() == pytest.approx(-6.0, abs=0.02)
    assert change.max().item() == pytest.approx(3.0, abs=0.02)
    assert change.mean().item() == pytest.approx(-1.5, abs=0.25)


def test_noise_is_as_far_under_the_signal_as_asked():
    wave, noise = 0.1 * torch.randn(4, RATE, generator=RANDOM), 7.0 * torch.randn(4, RATE, generator=RANDOM)
    snr_db = torch.tensor([-5.0, 0.0, 15.0, 40.0])
    added = add_noise(wave, noise, snr_db) - wave
    measured = decibels(wave.square().mean(1)) - decibels(added.square().mean(1))
    torch.testing.assert_close(measured, snr_db, rtol=0, atol=1e-2)


def test_silence_stays_silent():
    silence, noise = torch.zeros(2, 1000), torch.randn(2, 1000, generator=RANDOM)
    assert torch.equal(add_noise(silence, noise, torch.tensor([0.0, 20.0])), silence)
    key = Key(0, 0, MANY[:2])
    assert torch.equal(Noise(probability=1.0, low_snr_db=0.0, high_snr_db=0.0)(silence, key), silence)
    assert torch.equal(Gain(low_db=-6.0, high_db=6.0)(silence, key), silence)
    assert torch.equal(Shift(seconds=0.01, sample_rate=RATE)(silence, key), silence)


def test_noise_of_nothing_adds_nothing():
    wave = torch.randn(1, 100, generator=RANDOM)
    assert torch.equal(add_noise(wave, torch.zeros(1, 100), torch.tensor([0.0])), wave)


def test_drawn_noise_ratios_fill_their_range():
    wave = torch.sin(torch.arange(400.0)).expand(len(MANY), -1)
    added = Noise(probability=1.0, low_snr_db=15.0, high_snr_db=40.0, bank_size=4096)(wave, Key(0, 0, MANY)) - wave
    measured = decibels(wave.square().mean(1)) - decibels(added.square().mean(1))
    assert measured.min().item() == pytest.approx(15.0, abs=0.1)
    assert measured.max().item() == pytest.approx(40.0, abs=0.1)
    assert measured.mean().item() == pytest.approx(27.5, abs=0.7)


@pytest.mark.parametrize(("probability", "share", "tolerance"), [(0.0, 0.0, 0.0), (0.3, 0.3, 0.041), (1.0, 1.0, 0.0)])
def test_a_share_of_the_windows_is_noisy(probability, share, tolerance):
    wave = torch.ones(len(MANY), 8)
    noisy = Noise(probability=probability, low_snr_db=10.0, high_snr_db=10.0, bank_size=4096)(wave, Key(0, 0, MANY))
    assert (noisy != wave).any(dim=1).double().mean().item() == pytest.approx(share, abs=tolerance)


def test_noise_is_white_and_not_the_same_for_all():
    wave = torch.ones(2, RATE)
    added = Noise(probability=1.0, low_snr_db=0.0, high_snr_db=0.0)(wave, Key(0, 0, MANY[:2])) - wave
    correlation = torch.corrcoef(torch.stack([added[0], added[1], added[0].roll(1), added[0].roll(160)]))
    torch.testing.assert_close(correlation, torch.eye(4), rtol=0, atol=4 / RATE**0.5)


def test_a_window_longer_than_the_bank_wraps_around():
    wave = torch.ones(1, 250)
    added = Noise(probability=1.0, low_snr_db=0.0, high_snr_db=0.0, bank_size=100)(wave, Key(0, 0, MANY[:1])) - wave
    torch.testing.assert_close(added[:, :100], added[:, 100:200])


def test_two_noises_have_one_bank_and_keep_it_out_of_checkpoints():
    first, second = (Noise(probability=1.0, low_snr_db=0.0, high_snr_db=1.0) for _ in range(2))
    assert torch.equal(first.bank, second.bank)
    assert list(first.state_dict()) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gain(low_db=1.0, high_db=-1.0), "low_db <= high_db, got 1.0 and -1.0"),
        (lambda: Noise(probability=0.5, low_snr_db=9.0, high_snr_db=3.0), "low_snr_db <= high_snr_db, got 9.0 and 3.0"),
    ],
)
def test_ranges_the_wrong_way_round_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
