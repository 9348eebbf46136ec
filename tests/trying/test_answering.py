"""What the page says of a recording is what the recognizer says of it."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile

from ser_lightning import Recognizer
from ser_lightning.data.audio import BadAudioError
from ser_lightning.recognition.answer import Answer, Window
from ser_lightning.trying.about import about, backbone_of
from ser_lightning.trying.answering import MOST_WINDOWS, headline, heard, problem
from ser_lightning.trying.hearing import Limits

RATE = 16000
LIMITS = Limits(megabytes=50, seconds=600)


@pytest.fixture(scope="module")
def recognizer(tiny_run):
    return Recognizer.load(tiny_run, device="cpu")


@pytest.fixture
def recording(tmp_path, write_noise):
    def make(seconds: float):
        write_noise(tmp_path / "a.wav", seconds=seconds)
        return tmp_path / "a.wav"

    return make


def answer(probabilities: dict[str, float], *warnings: str) -> Answer:
    return Answer("", probabilities, (Window(0, 1, probabilities),), 1.24, warnings)


@pytest.mark.parametrize("seconds", [0.01, 0.4, 1.3, 40.0])
def test_the_answer_is_the_recognizers_and_has_a_picture(recognizer, recording, seconds):
    path = recording(seconds)
    found = heard(recognizer, path, LIMITS)
    assert found.answer == recognizer(path)
    assert found.picture.count("<svg") == 1
    assert ("are not outlined" in found.picture) == (seconds > 30)


@pytest.mark.parametrize(("seconds", "windows"), [(0.4, 0), (1.0, 7), (11.9, 59), (30.0, 75)])
def test_the_timeline_has_overlapping_windows_while_a_picture_can_show_them(recognizer, recording, seconds, windows):
    picture = heard(recognizer, recording(seconds), LIMITS).picture
    said = re.search(r"in (\d+) windows of 0\.4&nbsp;s", picture)
    assert (int(said[1]) if said else 0) == windows
    assert windows <= max(MOST_WINDOWS, seconds / 0.4)


def test_silence_is_answered_with_a_warning(recognizer, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE, np.int16), RATE)
    found = heard(recognizer, tmp_path / "silent.wav", LIMITS)
    assert "it is silent throughout" in headline(found.answer, 0.0)


def test_what_is_beyond_the_limits_has_no_answer(recognizer, recording):
    with pytest.raises(BadAudioError, match=r"a\.wav lasts 1\.3 s; at most 1\.0 s are taken"):
        heard(recognizer, recording(1.3), Limits(megabytes=50, seconds=1))


@pytest.mark.parametrize(("threshold", "label"), [(0.0, "sad"), (0.55, "sad"), (0.56, "unsure"), (1.0, "unsure")])
def test_below_the_threshold_the_headline_is_unsure(threshold, label):
    said = headline(answer({"angry": 0.45, "sad": 0.55}), threshold)
    assert re.search(r'class="emotion">(.*)</p>', said)[1] == label
    assert "55 %" in said
    assert "1.2 s of sound" in said


def test_what_a_stranger_names_is_text_not_html():
    assert "<script>" not in problem("<script>alert(1)</script>.wav is empty")
    assert "<b>" not in headline(answer({"<b>": 1.0, "sad": 0.0}, "<b>"), 0.0)


def test_the_card_says_how_the_model_was_tested(recognizer, tiny_run):
    card = about(recognizer, tiny_run)
    assert backbone_of(tiny_run) == "test_resnet"
    assert "test_resnet on log-mel" in card
    assert "one of angry, sad, neutral:" in card
    assert "none of them in training" in card
    assert "no intervals:" in card


def test_a_run_without_scores_says_so(recognizer, tiny_run, tmp_path):
    (tmp_path / "checkpoints").symlink_to(tiny_run / "checkpoints")
    card = about(recognizer, tmp_path)
    assert "has no scores" in card
    assert "<table" not in card
