"""What the page says of one recording: the answer, its warnings, and its picture, as HTML without any file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ser_lightning.data.audio import Clip
from ser_lightning.illustration import log_mel_of, seen_in
from ser_lightning.pages import render
from ser_lightning.recognition.answer import Answer, Window, most_probable
from ser_lightning.recognition.recognizer import Recognizer
from ser_lightning.trying.hearing import Limits, duration, hear_within
from ser_lightning.trying.picture import picture_of, spans

OVERLAP = 4
"""Windows of the timeline begin four times as often as windows follow each other."""
MOST_WINDOWS = 60
"""In a timeline with overlap: a long recording has windows enough without."""
LOOKED_SECONDS = 30.0
"""A longer recording has no outline of the evidence: nothing would be seen of it."""


@dataclass(frozen=True)
class Heard:
    """The answer for a recording, and its picture with what there is to say of it."""

    answer: Answer
    picture: str


def heard(recognizer: Recognizer, path: Path, limits: Limits) -> Heard:
    """Answer for a file; raises BadAudioError."""
    clip = hear_within(path, recognizer.rate, limits)
    answer = recognizer.answer(clip)
    return Heard(answer, _picture(recognizer, clip, answer))


def headline(answer: Answer, threshold: float) -> str:
    """The emotion, or "unsure" where none is as probable as the threshold, and the warnings."""
    label = most_probable(answer.probabilities, threshold)
    best = most_probable(answer.probabilities)
    return render(
        "ser_lightning.trying",
        "headline.html.j2",
        filters={"duration": duration},
        label=label,
        best=best,
        sure=label == best,
        threshold=threshold,
        answer=answer,
    )


def problem(message: str) -> str:
    """Why there is no answer."""
    return render("ser_lightning.trying", "problem.html.j2", filters={}, message=message)


def _picture(recognizer: Recognizer, clip: Clip, answer: Answer) -> str:
    log_mel = log_mel_of(recognizer.trained.frontend, clip.samples)
    evidence, note = None, f"recordings of more than {LOOKED_SECONDS:g} s are not outlined"
    if answer.seconds <= LOOKED_SECONDS:
        target = recognizer.labels.index(most_probable(answer.probabilities))
        trained = recognizer.trained
        seen = seen_in(trained.frontend, trained.network, clip.samples, target, log_mel.shape[1], recognizer.window)
        evidence, note = seen.evidence, seen.reason
    timeline = _timeline(recognizer, clip, answer)
    return render(
        "ser_lightning.trying",
        "picture.html.j2",
        filters={},
        picture=picture_of(clip.samples, recognizer.rate, log_mel, evidence, timeline),
        label=most_probable(answer.probabilities),
        rate=recognizer.rate,
        outlined=evidence is not None,
        note=note,
        window_seconds=recognizer.window / recognizer.rate,
        stretches=stretches(timeline, answer.seconds),
        num_windows=len(timeline),
    )


def _timeline(recognizer: Recognizer, clip: Clip, answer: Answer) -> tuple[Window, ...]:
    """Overlapping windows, as many as a picture can show; the answer's own where there are that many already."""
    least = -(-len(clip.samples) // MOST_WINDOWS)
    hop = max(recognizer.window // OVERLAP, least)
    if hop >= recognizer.window:
        return answer.timeline
    return recognizer.timeline(clip, hop_seconds=hop / recognizer.rate)


def stretches(timeline: tuple[Window, ...], seconds: float) -> list[tuple[float, str]]:
    """When the most probable emotion changes, in seconds as the picture has it, and to which.

    >>> calm, sad = {"calm": 0.9, "sad": 0.1}, {"calm": 0.2, "sad": 0.8}
    >>> stretches((Window(0, 2, calm), Window(1, 3, calm), Window(2, 4, sad)), 4.0)
    [(0.0, 'calm'), (2.5, 'sad')]
    """
    found: list[tuple[float, str]] = []
    for (start, _), window in zip(spans(timeline, seconds), timeline, strict=True):
        if not found or found[-1][1] != window.label:
            found.append((start, window.label))
    return found
