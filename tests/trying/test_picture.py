"""The picture shows each sample and each window where it is in time."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from ser_lightning.recognition.answer import Window
from ser_lightning.trying.picture import envelope, picture_of, spans

RATE = 16000


def window(start: float, end: float, angry: float = 0.75) -> Window:
    return Window(start, end, {"angry": angry, "sad": 1 - angry})


def test_the_envelope_of_a_click_is_where_the_click_is():
    samples = np.zeros(8000, np.int16)
    samples[4010] = -32768
    low, high = envelope(samples, 800)
    assert low.shape == (800,)
    assert np.flatnonzero(low).tolist() == [401]
    assert low[401] == -1.0
    assert not high.any()


@pytest.mark.parametrize("count", [1, 2, 799, 800, 801])
def test_the_envelope_of_few_samples_is_the_samples(count):
    samples = np.arange(1, count + 1, dtype=np.int16)
    low, high = envelope(samples, 800)
    assert len(low) == min(count, 800)
    assert low[0] * 32768 == 1
    assert high[-1] * 32768 == count


@pytest.mark.parametrize(
    ("timeline", "seconds"),
    [
        ([window(0, 0.3)], 0.3),
        ([window(0, 2), window(2, 2.5)], 2.5),
        ([window(0.25 * k, 0.25 * k + 1) for k in range(9)], 3.0),
        ([window(0, 2), window(0.5, 2.01)], 2.01),
    ],
)
def test_the_spans_of_windows_cover_the_recording_once(timeline, seconds):
    found = spans(timeline, seconds)
    assert len(found) == len(timeline)
    assert found[0][0] == 0
    assert found[-1][1] == seconds
    assert all(a[1] == b[0] for a, b in pairwise(found))


def drawn(evidence: np.ndarray | None, num_windows: int = 3, name: str = "angry") -> str:
    rng = np.random.default_rng(0)
    samples = rng.integers(-9000, 9000, RATE, dtype=np.int16)
    log_mel = rng.uniform(-80, 0, (8, 101)).astype(np.float32)
    timeline = [Window(k / 4, k / 4 + 0.5, {name: 0.9, "sad": 0.1}) for k in range(num_windows)]
    return picture_of(samples, RATE, log_mel, evidence, timeline)


def test_the_picture_takes_the_colour_and_the_width_of_its_page():
    picture = drawn(None)
    opening = re.match(r"<svg [^>]*>", picture)
    assert opening is not None
    assert re.fullmatch(r'<svg viewBox="[0-9. ]+" aria-hidden="true">', opening[0])
    assert "currentColor" in picture
    assert "#24292f" not in picture
    assert "http" not in re.sub(
        r'xmlns[:a-z]*="[^"]*"|"http://www.w3.org/[^"]*"', "", picture.partition("</metadata>")[2]
    )


def test_an_outline_is_drawn_where_there_is_evidence_only():
    evidence = np.zeros((8, 101), np.float32)
    assert "#6ff2ff" not in drawn(None)
    assert "#6ff2ff" not in drawn(evidence)
    evidence[2:5, 20:60] = 1.0
    assert "#6ff2ff" in drawn(evidence)


def test_each_window_colours_each_row_by_its_probability():
    picture = drawn(None)
    assert picture.count("opacity: 0.9") == 3
    assert picture.count("opacity: 0.1") == 3


def test_a_label_is_no_formula():
    assert "<svg" in drawn(None, name="$x_{$ <b>")
