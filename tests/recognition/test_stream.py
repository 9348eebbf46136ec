"""A stream tells what the whole recording would, whatever the chunks, and keeps no more than it needs."""

from __future__ import annotations

import numpy as np
import pytest

from ser_lightning import Recognizer
from ser_lightning.data.audio import BadAudioError
from ser_lightning.errors import UserError
from ser_lightning.recognition.smoothing import Smoothing

RATE = 16000
RNG = np.random.default_rng(5)
WAVE = (np.linspace(0.02, 0.3, 30_000) * RNG.uniform(-1, 1, 30_000)).astype(np.float32)


@pytest.fixture(scope="module")
def recognizer(tiny_run):
    return Recognizer.load(tiny_run, device="cpu")


def in_chunks(wave, sizes):
    """The wave cut into chunks of these sizes, over and over."""
    place = number = 0
    while place < len(wave):
        yield wave[place : place + sizes[number % len(sizes)]]
        place += sizes[number % len(sizes)]
        number += 1


def rows(windows) -> np.ndarray:
    return np.array([[window.start, window.end, *window.probabilities.values()] for window in windows])


def told(stream, wave, sizes):
    """All windows of a stream that is fed a wave."""
    windows = [window for chunk in in_chunks(wave, sizes) for window in stream.feed(chunk)]
    return [*windows, *stream.finish()]


@pytest.mark.parametrize("sizes", [[1000], [1, 0, 4097, 12], [30_000]])
@pytest.mark.parametrize("rate", [8000, 16000, 24400, 48000])
def test_a_stream_is_the_recording(recognizer, rate, sizes):
    stream = recognizer.stream(rate)
    windows = told(stream, WAVE, sizes)
    whole = recognizer(WAVE, rate=rate)
    np.testing.assert_allclose(rows(windows), rows(whole.timeline), atol=1e-6)
    assert stream.answer.probabilities == pytest.approx(whole.probabilities, abs=1e-6)
    assert (stream.answer.label, stream.answer.seconds) == (whole.label, whole.seconds)
    assert stream.answer.warnings == whole.warnings


@pytest.mark.parametrize("time", [1, 6399, 6400, 6401, 12_800, 12_801, 20_000])
@pytest.mark.parametrize("hop", [0.1, 0.15, 0.4])
def test_windows_apart_by_a_hop_are_those_of_the_recording_and_the_answer_stays_its(recognizer, time, hop):
    stream = recognizer.stream(RATE, hop_seconds=hop, smooth_seconds=0.3)
    windows = told(stream, WAVE[-time:], [700])
    clip = recognizer.heard(WAVE[-time:], rate=RATE)
    expected = recognizer.timeline(clip, hop_seconds=hop, smooth_seconds=0.3)
    np.testing.assert_allclose(rows(windows), rows(expected), atol=1e-6)
    assert stream.answer.probabilities == pytest.approx(recognizer.answer(clip).probabilities, abs=1e-6)


def test_a_window_is_told_as_soon_as_it_is_whole(recognizer):
    stream = recognizer.stream(RATE, hop_seconds=0.1)
    assert stream.feed(WAVE[:6399]) == []
    assert [window.end for window in stream.feed(WAVE[6399:6400])] == [0.4]
    assert [round(window.end, 3) for window in stream.feed(WAVE[6400:9600])] == [0.5, 0.6]
    assert stream.answer.probabilities == pytest.approx(recognizer(WAVE[:6400], rate=RATE).probabilities, abs=1e-6)


def test_no_more_than_a_window_is_kept(recognizer):
    stream = recognizer.stream(48000, hop_seconds=0.1)
    most = 0
    for _ in range(40):
        for chunk in in_chunks(WAVE, [480]):
            stream.feed(chunk)
            most = max(most, len(stream.kept))
    assert stream.heard > 390_000
    assert most <= 6400 + 160


def test_a_chunk_of_any_length_is_cut_a_few_windows_at_a_time(recognizer, monkeypatch):
    """The most that is asked at once is bounded, and what is told is the same."""
    asked = []
    predict = recognizer.predict
    stream = recognizer.stream(RATE, hop_seconds=0.01)
    stream.predict = lambda windows, length: asked.append(len(windows)) or predict(windows, length)
    windows = [*stream.feed(WAVE), *stream.finish()]
    expected = recognizer.timeline(recognizer.heard(WAVE, rate=RATE), hop_seconds=0.01)
    np.testing.assert_allclose(rows(windows), rows(expected), atol=1e-6)
    assert max(asked) <= 64 + 1
    assert sum(asked) >= len(windows) == 149


def test_smoothing_takes_the_past_alone():
    """A jump from 0 to 1 is 1 - e^(-t/T) after t seconds."""
    smooth = Smoothing(hop_seconds=0.5, smooth_seconds=2.0)
    first = smooth(np.array([[0.0, 1.0]]))
    later = smooth(np.tile([1.0, 0.0], (8, 1)))
    np.testing.assert_allclose(first, [[0, 1]])
    np.testing.assert_allclose(later[:, 0], 1 - np.exp(-0.25 * np.arange(1, 9)))
    np.testing.assert_allclose(later.sum(axis=1), 1)


def test_nothing_heard_has_no_answer(recognizer):
    stream = recognizer.stream(RATE)
    assert stream.feed(np.zeros(0, np.int16)) == []
    with pytest.raises(BadAudioError, match="the stream holds no samples"):
        _ = stream.answer
    stream.feed(WAVE[:100])
    with pytest.raises(BadAudioError, match="not one window was heard yet"):
        _ = stream.answer
    assert len(stream.finish()) == 1
    assert len(stream.answer.warnings) == 1


def test_wrong_settings_and_samples_are_refused(recognizer):
    with pytest.raises(UserError, match="rate=10 must be in Hz"):
        recognizer.stream(10)
    with pytest.raises(UserError, match="hop_seconds=0 must be more than 0"):
        recognizer.stream(RATE, hop_seconds=0)
    with pytest.raises(UserError, match="smooth_seconds=-1 must be 0 or more"):
        recognizer.stream(RATE, smooth_seconds=-1)
    with pytest.raises(ValueError, match="not finite"):
        recognizer.stream(RATE).feed(np.array([np.nan], np.float32))
