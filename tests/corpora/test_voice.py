"""The voice obeys its own units: Hz, dB, dB per octave, relative jitter, seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float
from scipy.signal import correlate, find_peaks, freqz, lfilter

from ser_lightning.corpora.voice import (
    BANDWIDTHS_HZ,
    CONSONANTS,
    HOP,
    N_FFT,
    SAMPLE_RATE,
    SILENT_DB,
    VOWELS,
    Phone,
    Syllable,
    articulate,
    filter_frames,
    frames_of,
    glottal_pulses,
    pronounce,
    resonators,
    speak,
)

SENTENCE = (Syllable("m", "a", False), Syllable("s", "i", True), Syllable("k", "o", False))


def pulses(
    f0_hz: float, *, seconds: float = 1.0, jitter: float = 0.0, shimmer_db: float = 0.0
) -> Float[np.ndarray, " time"]:
    f0 = np.full(round(seconds * SAMPLE_RATE / HOP), float(f0_hz))
    return glottal_pulses(f0, jitter=jitter, shimmer_db=shimmer_db, rng=np.random.default_rng(0))


def monotone(
    phone: Phone, *, f0_hz: float = 200.0, tilt_db: float = 6.0, tract_scale: float = 1.0
) -> Float[np.ndarray, " time"]:
    """One second of one phone; of 16000 samples, so that bins stand 1 Hz apart."""
    frames = SAMPLE_RATE // HOP
    rate = phone.seconds
    tracks = articulate([phone], f0_hz=np.full(frames, f0_hz), rate=rate, tract_scale=tract_scale)
    return speak(tracks, tilt_db=tilt_db, jitter=0.0, shimmer_db=0.0, rng=np.random.default_rng(0))


def spectrum_db(wave: Float[np.ndarray, " time"]) -> Float[np.ndarray, " bin"]:
    levels: Float[np.ndarray, " bin"] = 20.0 * np.log10(np.abs(np.fft.rfft(wave * np.hanning(wave.size))) + 1e-12)
    return levels


@pytest.mark.parametrize("f0_hz", [80.0, 200.0, 320.0])
def test_a_steady_voice_repeats_at_its_f0(f0_hz: float) -> None:
    wave = monotone(VOWELS["e"], f0_hz=f0_hz)
    correlation = correlate(wave, wave, method="fft")[wave.size - 1 :]
    shortest = SAMPLE_RATE // 500
    lag = shortest + np.argmax(correlation[shortest : SAMPLE_RATE // 60])
    assert lag == pytest.approx(SAMPLE_RATE / f0_hz, abs=0.5)


def test_harmonics_stand_at_multiples_of_f0_and_nothing_stands_between() -> None:
    levels = spectrum_db(pulses(200.0))
    harmonics = 200 * np.arange(2, 30)
    assert levels[harmonics] == pytest.approx(levels[200], abs=0.2)
    assert (levels[harmonics] - levels[harmonics + 100] > 50.0).all()


@pytest.mark.parametrize("f0_hz", [90.0, 200.0, 317.0])
def test_pulses_have_unit_power_at_any_f0(f0_hz: float) -> None:
    assert np.mean(pulses(f0_hz) ** 2) == pytest.approx(1.0, rel=0.05)


def test_without_jitter_every_period_is_equal() -> None:
    peaks, _ = find_peaks(pulses(200.0), height=3.0)
    assert len(peaks) == 199
    assert set(np.diff(peaks)) == {80}


def test_jitter_is_the_relative_standard_deviation_of_a_period() -> None:
    peaks, _ = find_peaks(pulses(80.0, seconds=20.0, jitter=0.03), height=3.0, distance=100)
    periods = np.diff(peaks)
    assert periods.std() / periods.mean() == pytest.approx(0.03, rel=0.1)
    assert periods.mean() == pytest.approx(SAMPLE_RATE / 80.0, rel=0.005)


def test_shimmer_is_the_standard_deviation_of_a_pulse_level_in_db() -> None:
    wave = pulses(200.0, seconds=10.0, shimmer_db=1.5)
    peaks, _ = find_peaks(wave, height=3.0)
    assert np.std(20.0 * np.log10(wave[peaks])) == pytest.approx(1.5, rel=0.1)


def test_tilt_is_the_fall_in_db_per_octave() -> None:
    breathless = replace(VOWELS["a"], aspiration_db=SILENT_DB)
    flat, steep = (spectrum_db(monotone(breathless, tilt_db=tilt_db)) for tilt_db in (3.0, 9.0))
    harmonics = np.array([400, 1000, 2000, 4000])  # above the knee of 250 Hz
    assert flat[harmonics] - steep[harmonics] == pytest.approx(6.0 * np.log2(harmonics / 250.0), abs=0.1)


def test_resonators_are_those_of_scipy_in_cascade() -> None:
    centres = np.array([[500.0, 1500.0, 2500.0, 3500.0, 4500.0]])
    expected = np.ones(N_FFT // 2 + 1, dtype=complex)
    for centre, bandwidth in zip(centres[0], BANDWIDTHS_HZ, strict=True):
        radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
        poles = [1.0, -2.0 * radius * np.cos(2.0 * np.pi * centre / SAMPLE_RATE), radius**2]
        expected *= freqz([sum(poles)], poles, worN=N_FFT // 2 + 1, include_nyquist=True)[1]
    response = resonators(centres, BANDWIDTHS_HZ)[0]
    np.testing.assert_allclose(response, expected, rtol=1e-9)
    assert response[0] == pytest.approx(1.0)


def test_a_constant_response_filters_as_scipy_does() -> None:
    wave = np.random.default_rng(0).standard_normal(40 * HOP)
    bandwidth, centre = 400.0, 1200.0
    radius = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    poles = [1.0, -2.0 * radius * np.cos(2.0 * np.pi * centre / SAMPLE_RATE), radius**2]
    response = resonators(np.full((40, 1), centre), np.array([bandwidth]))
    ours, theirs = filter_frames(wave, response), lfilter([sum(poles)], poles, wave)
    # The last half window has no successor to add up with.
    np.testing.assert_allclose(ours[:-HOP], theirs[:-HOP], atol=1e-9)


def test_a_shorter_vocal_tract_moves_the_formants_up() -> None:
    centres = []
    for tract_scale in (1.0, 1.2):
        # Harmonics of 20 Hz are dense enough to trace the formants.
        levels = spectrum_db(monotone(VOWELS["i"], f0_hz=20.0, tilt_db=0.0, tract_scale=tract_scale))
        centres.append(1500 + np.argmax(levels[1500:2900]))
    assert centres[0] == pytest.approx(2290, abs=60)
    assert centres[1] / centres[0] == pytest.approx(1.2, rel=0.02)


def test_a_hiss_is_loudest_near_its_centre() -> None:
    (hiss,) = CONSONANTS["s"]
    power = np.abs(np.fft.rfft(monotone(hiss))) ** 2
    bands = power[:8000].reshape(16, 500).sum(axis=1)
    assert np.argmax(bands) * 500 <= hiss.frication_hz <= (np.argmax(bands) + 2) * 500


def test_rate_divides_the_duration() -> None:
    phones = pronounce(SENTENCE, swell_db=0.0, breath_db=0.0)
    slow, fast = (sum(frames_of(phone, rate) for phone in phones) for rate in (0.5, 1.0))
    assert slow == pytest.approx(2 * fast, abs=len(phones))
    tracks = articulate(phones, f0_hz=np.full(fast, 150.0), rate=1.0, tract_scale=1.0)
    wave = speak(tracks, tilt_db=6.0, jitter=0.0, shimmer_db=0.0, rng=np.random.default_rng(0))
    assert wave.size == fast * HOP
    assert wave.size / SAMPLE_RATE == pytest.approx(sum(phone.seconds for phone in phones), abs=0.02)


def test_swell_is_the_difference_between_first_and_last_vowel() -> None:
    phones = pronounce(SENTENCE, swell_db=6.0, breath_db=4.0)
    first, last = phones[2], phones[-2]
    assert last.voiced_db - first.voiced_db == pytest.approx(6.0)
    assert last.aspiration_db - first.aspiration_db == pytest.approx(6.0)
    assert first.aspiration_db == VOWELS["a"].aspiration_db - 3.0 + 4.0
