"""The clips on the report are the ones they claim to be, whatever the order of the table."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ser_lightning.evaluation.examples import Example, choose_examples


def table(*rows: tuple[str, str, str, float], labels: tuple[str, ...] = ("happy", "sad", "angry")) -> pl.DataFrame:
    """Predictions from (clip, label, prediction, its probability); the rest is shared by the other classes."""
    clips, truth, guess, sure = zip(*rows, strict=True)
    spread = {
        f"p_{label}": [p if g == label else (1 - p) / (len(labels) - 1) for g, p in zip(guess, sure, strict=True)]
        for label in labels
    }
    return pl.DataFrame({"clip": clips, "speaker": clips, "label": truth, "prediction": guess} | spread)


ROWS = (
    ("a", "sad", "sad", 0.91),
    ("b", "sad", "sad", 0.99),
    ("c", "happy", "happy", 0.60),
    ("d", "happy", "sad", 0.55),
    ("e", "angry", "sad", 0.85),
    ("f", "angry", "happy", 0.70),
)


def test_mistakes_come_first_then_one_right_clip_a_class_each_from_the_most_confident_down():
    assert choose_examples(table(*ROWS)) == ["e", "f", "d", "b", "c"]


@pytest.mark.parametrize("most", [0, 1, 2])
def test_most_counts_each_kind(most):
    assert choose_examples(table(*ROWS), most=most) == ["e", "f"][:most] + ["b", "c"][:most]


def test_equal_confidence_goes_by_clip_and_the_order_of_rows_has_no_say():
    rows = [(clip, "sad", guess, 0.8) for clip in "dbac" for guess in ("sad",)]
    rows += [(clip, "sad", "happy", 0.8) for clip in "zyx"]
    for seed in range(5):
        shuffled = table(*rows).sample(fraction=1.0, shuffle=True, seed=seed)
        assert choose_examples(shuffled, most=2) == ["x", "y", "a"]


def test_without_mistakes_only_right_clips_and_without_right_clips_only_mistakes():
    assert choose_examples(table(*ROWS[:3])) == ["b", "c"]
    assert choose_examples(table(*ROWS[3:])) == ["e", "f", "d"]


def test_two_classes_and_one_clip():
    assert choose_examples(table(("only", "sad", "happy", 0.7), labels=("happy", "sad"))) == ["only"]


def test_an_example_knows_its_length_and_whether_it_is_right():
    wave, log_mel = np.zeros(24000, dtype=np.int16), np.zeros((4, 9), dtype=np.float32)
    assert Example("a", "sad", "sad", 0.9, wave, 16000, log_mel).right is True
    wrong = Example("a", "sad", "happy", 0.9, wave, 16000, log_mel)
    assert (wrong.right, wrong.seconds) == (False, 1.5)
