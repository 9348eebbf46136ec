"""Segments by hand."""

from __future__ import annotations

import pytest

from ser_lightning.recognition.answer import Window
from ser_lightning.recognition.segments import segments


def window(start, end, sad):
    return Window(start, end, {"sad": sad, "angry": 1 - sad})


def test_a_moment_has_the_mean_of_its_windows():
    """Windows of 2 s every second: cells of 1 s, the inner ones in two windows."""
    found = segments([window(0, 2, 0.9), window(1, 3, 0.5), window(2, 4, 0.1), window(3, 4.5, 0.1)])
    assert [(part.start, part.end, part.label) for part in found] == [(0, 2, "sad"), (2, 4.5, "angry")]
    assert found[0].probability == pytest.approx((0.9 + 0.7) / 2)
    assert found[1].probability == pytest.approx((0.7 + 0.9 + 0.5 * 0.9) / 2.5)


def test_windows_that_do_not_overlap_are_their_own_segments_and_equal_ones_are_one():
    found = segments([window(0, 2, 0.9), window(2, 4, 0.7), window(4, 5, 0.2)])
    assert [(part.start, part.end, part.label) for part in found] == [(0, 4, "sad"), (4, 5, "angry")]
    assert found[0].probability == pytest.approx(0.8)


def test_under_the_threshold_a_stretch_is_unsure():
    found = segments([window(0, 1, 0.95), window(1, 2, 0.6), window(2, 3, 0.3)], threshold=0.8)
    assert [(part.start, part.end, part.label) for part in found] == [(0, 1, "sad"), (1, 3, "unsure")]
    assert found[1].probability == pytest.approx((0.6 + 0.7) / 2)


def test_nothing_has_no_segments():
    assert segments([]) == []
