"""The clips on the report are the ones they claim to be, whatever the order of the table."""

from __future__ import annotations

import numpy as np
import polars as pl

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


WORST, BOTH, CONFIDENT, RIGHT = ("worst",), ("worst", "confident"), ("confident",), ("right",)


def test_the_worst_come_first_then_the_most_confident_then_one_right_clip_a_class():
    # Of the true label: d 0.225, e 0.075, f 0.15.
    assert choose_examples(table(*ROWS)) == {"e": BOTH, "f": BOTH, "d": BOTH, "b": RIGHT, "c": RIGHT}
    assert choose_examples(table(*ROWS), most=2) == {"e": BOTH, "f": BOTH, "b": RIGHT, "c": RIGHT}
    assert choose_examples(table(*ROWS), most=0) == {}


def test_the_worst_mistake_need_not_be_the_most_confident_one():
    spread = pl.DataFrame(
        {
            "clip": ["sure", "blind", "near"],
            "label": ["happy"] * 3,
            "prediction": ["sad"] * 3,
            "p_happy": [0.3, 0.0, 0.4],
            "p_sad": [0.7, 0.5, 0.6],
            "p_angry": [0.0, 0.5, 0.0],
        }
    )
    assert choose_examples(spread, most=1) == {"blind": WORST, "sure": CONFIDENT}
    assert choose_examples(spread, most=2) == {"blind": WORST, "sure": BOTH, "near": CONFIDENT}
    assert choose_examples(spread) == {"blind": BOTH, "sure": BOTH, "near": BOTH}


def test_what_is_equal_goes_by_clip_and_the_order_of_rows_has_no_say():
    rows = [(clip, "sad", "sad", 0.8) for clip in "dbac"]
    rows += [(clip, "sad", "happy", 0.8) for clip in "zyx"]
    for seed in range(5):
        shuffled = table(*rows).sample(fraction=1.0, shuffle=True, seed=seed)
        assert list(choose_examples(shuffled, most=2).items()) == [("x", BOTH), ("y", BOTH), ("a", RIGHT)]


def test_without_mistakes_only_right_clips_and_without_right_clips_only_mistakes():
    assert choose_examples(table(*ROWS[:3])) == {"b": RIGHT, "c": RIGHT}
    assert choose_examples(table(*ROWS[3:])) == {"e": BOTH, "f": BOTH, "d": BOTH}


def test_two_classes_and_one_clip():
    assert choose_examples(table(("only", "sad", "happy", 0.7), labels=("happy", "sad"))) == {"only": BOTH}


def test_an_example_knows_its_length_and_whether_it_is_right():
    wave, log_mel = np.zeros(24000, dtype=np.int16), np.zeros((4, 9), dtype=np.float32)
    assert Example("a", "sad", "sad", 0.9, wave, 16000, log_mel).right is True
    wrong = Example("a", "sad", "happy", 0.9, wave, 16000, log_mel)
    assert (wrong.right, wrong.seconds) == (False, 1.5)
