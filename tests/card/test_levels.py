"""Tones of known amplitude have their level in dBFS; silence is as long as it was made."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ser_lightning.card.levels import levels, with_levels
from ser_lightning.data.samples import Samples

RATE = 16000


def sine(amplitude: float, seconds: float = 1.0) -> np.ndarray:
    """Whole periods of 100 Hz, of a fraction of full scale."""
    wave = 32768 * amplitude * np.sin(2 * np.pi * 100 * np.arange(round(seconds * RATE)) / RATE)
    return np.clip(np.round(wave), -32768, 32767).astype(np.int16)


@pytest.mark.parametrize(("amplitude", "expected"), [(1.0, -3.0103), (0.5, -9.0309), (0.01, -43.0103)])
def test_a_sine_has_the_level_of_its_amplitude(amplitude, expected):
    assert levels(sine(amplitude)).rms_db == pytest.approx(expected, abs=2e-3)


def test_a_full_scale_square_is_at_zero_and_one_bit_at_its_floor():
    assert levels(np.full(500, -32768, dtype=np.int16)).rms_db == 0.0
    assert levels(np.array([1, -1], dtype=np.int16)).rms_db == pytest.approx(-90.309, abs=1e-3)


def test_gain_moves_the_level_by_its_decibels():
    loud, soft = levels(sine(0.8)), levels(sine(0.08))
    assert loud.rms_db - soft.rms_db == pytest.approx(20.0, abs=1e-3)
    assert (loud.lead, loud.trail) == (soft.lead, soft.trail)


def test_silence_at_the_ends_is_counted_and_lowers_the_level():
    wave = np.concatenate([np.zeros(300, np.int16), sine(0.5), np.zeros(15700, np.int16)])
    found = levels(wave)
    assert found.zeros == 301  # a sine starts with a zero of its own
    assert found.lead == 301
    assert found.trail == 15700
    assert found.rms_db == pytest.approx(-12.0412, abs=2e-3)


def test_what_lies_forty_decibels_under_the_peak_is_silence():
    wave = np.array([50, -99, 100, 10000, 100, 99], dtype=np.int16)
    assert levels(wave)[1:] == (2, 1, 0)


def test_each_clip_is_measured_in_its_place():
    samples = Samples(np.concatenate([sine(0.5), sine(0.25), np.zeros(1000, np.int16)]))
    table = pl.DataFrame({"clip": ["b", "a"], "offset": [16000, 0], "length": [16000, 16000]})
    measured = with_levels(table, samples, RATE)
    assert measured["clip"].to_list() == ["b", "a"]
    assert measured["rms_db"].to_list() == pytest.approx([-15.0515, -9.0309], abs=2e-3)
    assert measured["zeros"].to_list() == pytest.approx([1 / RATE, 1 / RATE])
