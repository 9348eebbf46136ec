"""Mel power is torchaudio's, whatever the sizes and however many windows pass at a time."""

from __future__ import annotations

import pytest
import torch
import torchaudio

from ser_lightning.frontend import mel
from ser_lightning.frontend.mel import Band, filter_bands, mel_power

RATE = 16_000
SIZES = {
    "shipped": {"n_fft": 1024, "hop_length": 160, "n_mels": 64},
    "shipped, 128": {"n_fft": 1024, "hop_length": 160, "n_mels": 128},
    "few mels": {"n_fft": 512, "hop_length": 128, "n_mels": 7},
    "odd hop": {"n_fft": 400, "hop_length": 77, "n_mels": 40},
    "odd n_fft": {"n_fft": 401, "hop_length": 100, "n_mels": 23},
    "hop longer than the window": {"n_fft": 256, "hop_length": 300, "n_mels": 20},
}
RANDOM = torch.Generator().manual_seed(0)


def torchaudios(**sizes: int) -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(RATE, f_min=50.0, norm="slaney", mel_scale="slaney", **sizes)


def ours(wave: torch.Tensor, reference: torchaudio.transforms.MelSpectrogram) -> torch.Tensor:
    filters = reference.mel_scale.fb
    return mel_power(wave, reference.spectrogram.window, filters, filter_bands(filters), hop=reference.hop_length)


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("time", [RATE, 5003, 513])
@pytest.mark.filterwarnings("ignore:At least one mel filterbank has all zero values")  # few frequencies, many mels
def test_it_is_torchaudios(sizes: dict[str, int], time: int):
    wave = 0.1 * torch.randn(5, time, generator=RANDOM)
    reference = torchaudios(**sizes)
    expected = reference(wave)
    got = ours(wave, reference)
    assert got.shape == expected.shape
    # Of float32 sums of hundreds of powers: six digits.
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6 * float(expected.max()))


@pytest.mark.parametrize("cached", [1, 10**6, 10**9])
def test_how_many_pass_at_a_time_changes_no_value(monkeypatch: pytest.MonkeyPatch, cached: int):
    reference, wave = torchaudios(**SIZES["shipped"]), 0.1 * torch.randn(7, RATE, generator=RANDOM)
    expected = torch.cat([ours(one[None], reference) for one in wave])
    monkeypatch.setattr(mel, "CACHED", cached)
    torch.testing.assert_close(ours(wave, reference), expected, rtol=1e-5, atol=1e-6)


def test_bands_hold_every_filter_once_and_all_of_its_frequencies():
    filters = torchaudios(**SIZES["shipped"]).mel_scale.fb
    bands = filter_bands(filters)
    assert [(band.first, band.last) for band in bands] == [(0, 16), (16, 32), (32, 48), (48, 64)]
    inside = torch.zeros_like(filters, dtype=torch.bool)
    for band in bands:
        inside[band.low : band.high, band.first : band.last] = True
    assert not filters[~inside].any()
    assert sum((band.high - band.low) * 16 for band in bands) < 0.3 * filters.numel()


def test_a_filter_of_nothing_has_a_band_and_gives_nothing():
    filters = torch.zeros(9, 2)
    filters[3, 1] = 2.0
    bands = filter_bands(filters, size=1)
    assert bands == [Band(0, 1, 0, 1), Band(1, 2, 3, 4)]
    wave = torch.randn(1, 64, generator=RANDOM)
    power = mel_power(wave, torch.ones(16), filters, bands, hop=16)
    spectrum = torch.stft(wave, 16, 16, window=torch.ones(16), pad_mode="reflect", return_complex=True)
    assert not power[0, 0].any()
    torch.testing.assert_close(power[0, 1], 2.0 * spectrum[0, 3].abs().square())
