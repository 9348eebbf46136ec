"""What is beyond the limits is refused by what a file says of itself, before any of it is decoded."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from ser_lightning.data.audio import BadAudioError, announced_seconds
from ser_lightning.trying.hearing import MEGABYTE, Limits, hear_within

RATE = 16000
LIMITS = Limits(megabytes=1, seconds=60)


def refusal(path, limits=LIMITS) -> str:
    with pytest.raises(BadAudioError) as raised:
        hear_within(path, RATE, limits)
    return str(raised.value)


def test_a_recording_within_the_limits_is_heard_as_it_is(tmp_path, write_noise):
    samples = write_noise(tmp_path / "a.wav", seconds=0.5)
    assert np.array_equal(hear_within(tmp_path / "a.wav", RATE, LIMITS).samples, samples)


def test_the_limits_themselves_are_taken(tmp_path, write_noise):
    write_noise(tmp_path / "a.wav", seconds=0.5)
    size = (tmp_path / "a.wav").stat().st_size
    clip = hear_within(tmp_path / "a.wav", RATE, Limits(megabytes=size / MEGABYTE, seconds=0.5))
    assert len(clip.samples) == RATE // 2
    assert refusal(tmp_path / "a.wav", Limits(megabytes=1, seconds=0.499)) == (
        "a.wav lasts 0.5 s; at most 0.5 s are taken"
    )


def test_two_hours_of_silence_are_small_and_refused_by_their_length(tmp_path):
    with soundfile.SoundFile(tmp_path / "two_hours.flac", "w", 8000, 1) as file:
        for _ in range(120):
            file.write(np.zeros(8000 * 60, np.int16))
    assert (tmp_path / "two_hours.flac").stat().st_size < MEGABYTE
    assert refusal(tmp_path / "two_hours.flac") == "two_hours.flac lasts 2 h; at most 1 min are taken"


def test_a_large_file_is_refused_by_its_size(tmp_path, sparse_wave):
    sparse_wave(tmp_path / "large.wav", seconds=7200)
    assert refusal(tmp_path / "large.wav") == "large.wav has 109.9 MB; at most 1 MB are taken"
    assert announced_seconds(tmp_path / "large.wav") == 7200


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "x.wav is empty (0 bytes)"),
        (b"good morning\n", "x.wav is no audio that libsndfile reads: it is text that begins with 'good morning'"),
        (b"RIFF\x00\x01\x00\x00WAVEfmt ", "x.wav is no audio that libsndfile reads"),
    ],
)
def test_what_is_no_audio_is_refused_with_the_reason(tmp_path, content, reason):
    (tmp_path / "x.wav").write_bytes(content)
    assert refusal(tmp_path / "x.wav") == reason


def test_a_file_cut_short_is_refused(tmp_path, write_noise):
    write_noise(tmp_path / "cut.wav")
    whole = (tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path / "cut.wav").startswith("cut.wav is cut short: ")


def test_a_missing_file_has_a_reason(tmp_path):
    with pytest.raises(BadAudioError, match="cannot be opened: no such file"):
        announced_seconds(tmp_path / "nowhere.wav")
