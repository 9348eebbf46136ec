"""The log-mel by physics, against torch.stft and librosa, and that a window's image is its own affair."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor

from ser_lightning.frontend.frontend import Frontend, standardize, to_float

RATE = 16_000
SHIPPED = {
    "logmel64": {"n_mels": 64, "f_min": 50.0, "f_max": 8000.0},
    "logmel128": {"n_mels": 128, "f_min": 50.0, "f_max": 8000.0},
}
RANDOM = torch.Generator().manual_seed(0)


def frontend(**options) -> Frontend:
    return Frontend(**({"sample_rate": RATE} | SHIPPED["logmel64"] | options))


def tone(hertz: float, *, time: int = RATE, level: float = 0.5) -> Tensor:
    return level * torch.sin(2 * torch.pi * hertz / RATE * torch.arange(time, dtype=torch.float64)).float()


def speech_like(batch: int, time: int = RATE) -> Tensor:
    """Noise with a moving envelope and a tilt, about -25 dB."""
    white = torch.randn(batch, time, generator=RANDOM)
    smooth = torch.nn.functional.avg_pool1d(white[:, None], 5, 1, 2)[:, 0]
    envelope = 0.5 + 0.5 * torch.sin(torch.linspace(0, 20, time) + torch.arange(batch)[:, None])
    return 0.1 * smooth * envelope


def full(wave: Tensor) -> Tensor:
    """The length of windows without padding."""
    return torch.full((len(wave),), wave.shape[1])


def stft_mel(wave: Tensor, n_mels: int) -> Tensor:
    """The mel power of a wave [time], by hand."""
    spectrum = torch.stft(
        wave, 1024, hop_length=160, window=torch.hann_window(1024), center=True, pad_mode="reflect", return_complex=True
    )
    filters = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=n_mels, fmin=50.0, fmax=8000.0, htk=False, norm="slaney")
    return torch.from_numpy(filters) @ spectrum.abs().square()


def test_int16_becomes_float_in_minus_one_to_one():
    wave = to_float(torch.tensor([[-32768, -1, 0, 16384, 32767]], dtype=torch.int16))
    assert wave.dtype == torch.float32
    assert wave.tolist() == [[-1.0, -1 / 32768, 0.0, 0.5, 32767 / 32768]]


@pytest.mark.parametrize("options", SHIPPED.values(), ids=SHIPPED.keys())
def test_a_tone_lands_in_its_mel_bin(options):
    transform = frontend(**options)
    centres = librosa.mel_frequencies(options["n_mels"] + 2, fmin=50.0, fmax=8000.0)[1:-1]
    numbers = [3, 10, options["n_mels"] // 2, options["n_mels"] - 5]
    decibels = transform.decibels(torch.stack([tone(centres[number]) for number in numbers]))
    assert decibels[:, :, 10:-10].argmax(dim=1).unique(dim=1).flatten().tolist() == numbers


def test_a_tones_level_does_not_depend_on_where_it_falls():
    # The filters are of one area, so what a tone gives in all bins times their width is its power.
    options = SHIPPED["logmel64"]
    edges = librosa.mel_frequencies(66, fmin=50.0, fmax=8000.0)
    width = torch.from_numpy((edges[2:] - edges[:-2]) / 2)
    tones = torch.stack([tone(hertz) for hertz in (1000.0, 2500.0, 5000.0)])
    power = 10 ** (frontend(**options, top_db=200.0).decibels(tones)[:, :, 50].double() / 10)
    # Parseval for a Hann window: the sum over bins of |X|^2 is n_fft x the sum of (x w)^2, half of it above 0 Hz.
    expected = 1024 * (0.5**2 / 2) * (3 / 8 * 1024) / 2
    np.testing.assert_allclose((power * width).sum(1), expected, rtol=0.01)


@pytest.mark.parametrize("level", ["remove", "keep"])
def test_silence_is_finite_and_flat(level):
    transform, wave = frontend(level=level), torch.zeros(2, 8000)
    assert torch.equal(transform.decibels(wave), torch.full((2, 64, 51), -100.0))
    expected = 0.0 if level == "remove" else (-100.0 + 40.0) / 20.0
    assert torch.equal(transform.log_mel(wave, full(wave)), torch.full((2, 64, 51), expected))


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 6.0, 12.0])
def test_gain_moves_the_level_by_its_decibels(gain_db):
    transform, wave = frontend(), speech_like(3)
    moved = transform.decibels(wave * 10 ** (gain_db / 20)) - transform.decibels(wave)
    torch.testing.assert_close(moved, torch.full_like(moved, gain_db), rtol=0, atol=1e-3)


def test_loudness_is_removed_or_kept():
    wave = speech_like(3)
    removed, kept = frontend(level="remove"), frontend(level="keep")
    torch.testing.assert_close(
        removed.log_mel(wave, full(wave)), removed.log_mel(0.1 * wave, full(wave)), rtol=0, atol=1e-4
    )
    moved = kept.log_mel(wave, full(wave)) - kept.log_mel(0.1 * wave, full(wave))
    torch.testing.assert_close(moved, torch.ones_like(moved), rtol=0, atol=1e-4)  # 20 dB / std_db


def test_keep_is_the_fixed_scale():
    transform, wave = frontend(level="keep", mean_db=-30.0, std_db=12.0), speech_like(2)
    expected = (transform.decibels(wave) + 30.0) / 12.0
    assert torch.equal(transform.log_mel(wave, full(wave)), expected)


@pytest.mark.parametrize("options", SHIPPED.values(), ids=SHIPPED.keys())
def test_equals_torch_stft_and_the_filters(options):
    wave = speech_like(2)
    decibels = frontend(**options, top_db=200.0).decibels(wave)
    for row in range(2):
        expected = 10 * stft_mel(wave[row], options["n_mels"]).clamp(min=1e-10).log10()
        torch.testing.assert_close(decibels[row], expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("options", SHIPPED.values(), ids=SHIPPED.keys())
def test_equals_librosa(options):
    # In decibels, cut 80 dB under the maximum; librosa's STFT is of numpy's FFT, so a thousandth of a dB is left.
    wave = torch.cat([speech_like(1), tone(440.0)[None]])
    decibels = frontend(**options).decibels(wave)
    for row in range(2):
        power = librosa.feature.melspectrogram(
            y=wave[row].numpy(),
            sr=RATE,
            n_fft=1024,
            hop_length=160,
            n_mels=options["n_mels"],
            fmin=50.0,
            fmax=8000.0,
            center=True,
            pad_mode="reflect",
            power=2.0,
            htk=False,
            norm="slaney",
        )
        expected = librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=80.0)
        np.testing.assert_allclose(decibels[row], expected, rtol=0, atol=5e-3)


def test_the_range_ends_top_db_under_each_windows_maximum():
    loud = tone(1000.0, level=0.9)
    wave = torch.stack([loud, 0.01 * loud])
    decibels = frontend(top_db=30.0).decibels(wave)
    torch.testing.assert_close(decibels.amax((1, 2)) - decibels.amin((1, 2)), torch.full((2,), 30.0))
    assert (decibels[0].amax() - decibels[1].amax()).item() == pytest.approx(40.0, abs=1e-3)


@pytest.mark.parametrize("hop_length", [128, 160, 256])
@pytest.mark.parametrize("time", [1024, 16_000, 16_001, 16_159, 16_160])
def test_frame_count(hop_length, time):
    transform = frontend(hop_length=hop_length)
    wave = torch.zeros(1, time)
    assert transform.decibels(wave).shape == (1, 64, 1 + time // hop_length)
    assert transform(wave, full(wave)).shape == (1, *transform.image_shape(time))


@pytest.mark.parametrize("level", ["remove", "keep"])
def test_a_batch_equals_one_by_one(level):
    # More windows than pass through the transform together, and not a multiple of them.
    transform, wave = frontend(level=level), speech_like(19)
    length = torch.linspace(4000, wave.shape[1], len(wave)).long()
    together = transform(wave, length)
    alone = torch.cat([transform(wave[i : i + 1], length[i : i + 1]) for i in range(len(wave))])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("level", ["remove", "keep"])
def test_a_window_does_not_feel_its_neighbours(level):
    transform, wave = frontend(level=level), speech_like(4)
    expected = transform(wave, full(wave))
    for neighbour in (torch.zeros(RATE), torch.ones(RATE), torch.full((RATE,), torch.nan)):
        other = wave.clone()
        other[[0, 1, 3]] = neighbour
        length = torch.tensor([100, 16_000, 16_000, 7000])
        assert torch.equal(transform(other, length)[2], expected[2])


def test_float32_under_bfloat16_autocast():
    transform, wave = frontend(image_size=(32, 32)), speech_like(3)
    expected = transform(wave, full(wave))
    with torch.autocast("cpu", torch.bfloat16):
        image = transform(wave, full(wave))
    assert image.dtype == torch.float32
    assert torch.equal(image, expected)


def padded(wave: Tensor, time: int) -> Tensor:
    return torch.nn.functional.pad(wave, (0, time - wave.shape[1]))


@pytest.mark.parametrize("level", ["remove", "keep"])
def test_more_padding_changes_no_real_frame(level):
    transform, wave = frontend(level=level), speech_like(3, 8000)
    length = full(wave)
    short, long = (transform.log_mel(padded(wave, time), length) for time in (10_000, 20_000))
    real = 1 + 8000 // 160
    torch.testing.assert_close(short[:, :, :real], long[:, :, :real], rtol=0, atol=1e-5)


def test_padding_changes_no_frame_that_does_not_reach_it():
    # With a fixed scale: a frame sees n_fft / 2 samples either way, so the last three see the edge.
    transform, wave = frontend(level="keep"), speech_like(3, 8000)
    bare, more = transform.log_mel(wave, full(wave)), transform.log_mel(padded(wave, 12_000), full(wave))
    inside = (8000 - 512) // 160 + 1
    torch.testing.assert_close(more[:, :, :inside], bare[:, :, :inside], rtol=0, atol=1e-5)


@pytest.mark.parametrize("time", [16_000, 20_000, 40_000])
def test_removed_level_is_mean_0_deviation_1_over_the_real_frames(time):
    transform, wave = frontend(level="remove"), speech_like(3, 16_000)
    length = torch.tensor([16_000, 9_001, 2_000])
    for row in range(3):
        wave[row, length[row] :] = 0.0
    log_mel = transform.log_mel(padded(wave, time), length).double()
    for row in range(3):
        real = log_mel[row, :, : 1 + int(length[row]) // 160]
        assert real.mean().item() == pytest.approx(0.0, abs=1e-5)
        assert real.std(correction=0).item() == pytest.approx(1.0, abs=1e-5)


def test_standardize_by_hand():
    decibels = torch.tensor([[[-10.0, -30.0, -80.0]], [[-50.0, -50.0, -50.0]]])
    standard = standardize(decibels, torch.tensor([2, 3]))
    assert standard.tolist() == [[[1.0, -1.0, -6.0]], [[0.0, 0.0, 0.0]]]


def test_low_frequencies_come_first():
    wave = torch.stack([tone(200.0), tone(6000.0)])
    rows = frontend()(wave, full(wave))[:, 0].mean(dim=2).argmax(dim=1)
    assert rows[0] < 16 < 48 < rows[1]


def test_image_size_is_bilinear():
    transform, wave = frontend(image_size=(96, 40)), speech_like(2)
    image = transform(wave, full(wave))
    assert image.shape == (2, 1, 96, 40)
    assert transform.image_shape(RATE) == (1, 96, 40)
    expected = torch.nn.functional.interpolate(
        frontend().log_mel(wave, full(wave))[:, None], (96, 40), mode="bilinear", align_corners=False
    )
    assert torch.equal(image, expected)


def test_a_list_of_yaml_is_an_image_size():
    assert frontend(image_size=[96, 40], channels=3).image_shape(RATE) == (3, 96, 40)


def test_three_channels_are_equal():
    wave = speech_like(2)
    image = frontend(channels=3)(wave, full(wave))
    assert image.shape == (2, 3, 64, 101)
    expected = frontend()(wave, full(wave)).repeat(1, 3, 1, 1)
    assert torch.equal(image, expected)


def test_nothing_is_learned():
    assert list(frontend().parameters()) == []
