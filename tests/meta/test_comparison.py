import json

import numpy as np
import polars as pl
import pytest

from ser_lightning.evaluation.intervals import interval, resample_weights
from ser_lightning.meta.comparison import compared, difference, not_beaten
from ser_lightning.meta.fitting import fit
from ser_lightning.meta.members import read_members
from ser_lightning.meta.search import Search
from ser_lightning.meta.together import put_together

LABELS = ("happy", "sad")


def table(truth, guess, speaker):
    return pl.DataFrame(
        {
            "corpus": "toy",
            "speaker": speaker,
            "label": [LABELS[k] for k in truth],
            "prediction": [LABELS[k] for k in guess],
            "p_happy": [1.0 - k for k in guess],
            "p_sad": [float(k) for k in guess],
        }
    )


def test_of_few_speakers_each_has_a_difference():
    truth, speaker = [0, 0, 1, 1, 0, 1], ["a", "a", "a", "a", "b", "b"]
    stack, other = table(truth, [0, 0, 1, 0, 0, 1], speaker), table(truth, [0, 1, 1, 0, 1, 1], speaker)
    made = difference(stack, other, LABELS)
    # all: (1 + 2/3) / 2 - (1/3 + 2/3) / 2; a: (1 + 1/2) / 2 - (1/2 + 1/2) / 2; b: 1 - (0 + 1) / 2
    assert made["value"] == pytest.approx(1 / 3)
    assert made["speakers"] == pytest.approx({"toy/a": 0.25, "toy/b": 0.5})
    assert made["interval"] is None
    assert "2 speakers are too few" in made["reason"]


def test_unknown_speakers_have_no_interval_and_no_values():
    made = difference(table([0, 1], [0, 1], ["", ""]), table([0, 1], [1, 1], ["", ""]), LABELS)
    assert (made["value"], made["interval"], made["speakers"]) == (0.5, None, {})
    assert "speakers of 2 clips are not known" in made["reason"]


def test_the_interval_is_of_the_same_draws_of_speakers():
    rng = np.random.default_rng(0)
    speaker = np.repeat([f"s{n:02d}" for n in range(12)], 10)
    truth = np.tile([0, 1], 60)
    guesses = [np.where(rng.random(120) < right, truth, 1 - truth) for right in (0.8, 0.6)]
    made = difference(*(table(truth, guess, speaker) for guess in guesses), LABELS)

    def resampled(guess):
        rows = np.arange(12)[:, None] * 10 + np.arange(10)
        right = [((guess == truth) & (truth == k))[rows].sum(axis=1) for k in (0, 1)]
        # every speaker has five clips of either class
        return np.mean([weights @ of_class / 60 for of_class in right], axis=0)

    weights = resample_weights(12, seed=0)
    draws = resampled(guesses[0]) - resampled(guesses[1])
    value = (guesses[0] == truth).mean() - (guesses[1] == truth).mean()
    assert made["value"] == pytest.approx(value)
    np.testing.assert_allclose(made["interval"], interval(draws, value, 12))
    assert made["speakers"] == {}


def test_the_same_predictions_differ_by_nothing():
    one = table(np.tile([0, 1], 30), np.tile([0, 1, 1, 1], 15), np.repeat([f"s{n:02d}" for n in range(12)], 5))
    made = difference(one, one, LABELS)
    assert (made["value"], made["interval"]) == (0.0, (0.0, 0.0))


def stacked(entries):
    both = put_together(read_members([str(entry) for entry in entries]))
    return both, fit(both, Search(meta="logistic", iterations=1, num_folds=2, jobs=1, seed=0), tell=lambda text: None)


def metrics_of(run):
    return json.loads((run / "metrics.json").read_text())


def test_the_best_member_is_chosen_on_val_and_not_on_test(make_run, single_parts, tmp_path):
    runs = [make_run(tmp_path / sees, sees, parts=single_parts) for sees in ("loud", "pleasant")]
    of_test = runs[0] / "predictions" / "test.csv"
    made = pl.read_csv(of_test, infer_schema=False)
    sure = [
        pl.when(pl.col("label") == name.removeprefix("p_")).then(0.97).otherwise(0.01).alias(name)
        for name in made.columns
        if name.startswith("p_")
    ]
    made.with_columns(*sure, prediction="label").write_csv(of_test)
    metrics = metrics_of(runs[1])
    metrics["val"]["balanced_accuracy"] = 0.9
    (runs[1] / "metrics.json").write_text(json.dumps(metrics))
    rows = compared(*stacked(runs))
    assert [(row["name"], row["best_on_val"]) for row in rows] == [
        ("loud", False),
        ("pleasant", True),
        ("average", False),
        ("stack", False),
    ]
    assert (rows[0]["test"], rows[1]["val"]) == (1.0, 0.9)


def test_rows_agree_with_the_members_own_metrics(singles):
    both, fitted = stacked(singles)
    rows = compared(both, fitted)
    for row, run in zip(rows, singles, strict=False):
        metrics = metrics_of(run)
        assert row["test"] == pytest.approx(metrics["test"]["balanced_accuracy"])
        assert row["val"] == pytest.approx(metrics["val"]["balanced_accuracy"])
        assert row["test_interval"] == pytest.approx(metrics["test"]["intervals"]["scores"]["balanced_accuracy"])
        assert row["stack_minus_it"]["value"] == pytest.approx(rows[-1]["test"] - row["test"])
    assert rows[-1]["stack_minus_it"] is None


def test_over_folds_val_is_the_mean_of_the_runs_own(multiruns):
    rows = compared(*stacked(multiruns))
    own = [metrics_of(multiruns[0] / str(k)) for k in range(3)]
    assert rows[0]["val"] == pytest.approx(np.mean([one["val"]["balanced_accuracy"] for one in own]))
    assert [row["val"] for row in rows[2:]] == [None, None]


@pytest.mark.parametrize(
    ("minus", "beaten"),
    [
        ({"value": 0.1, "interval": (0.01, 0.2), "speakers": {}}, True),
        ({"value": 0.1, "interval": (-0.01, 0.2), "speakers": {}}, False),
        ({"value": -0.1, "interval": (-0.2, 0.0), "speakers": {}}, False),
        ({"value": 0.1, "interval": None, "speakers": {"a": 0.1, "b": 0.2}}, True),
        ({"value": 0.1, "interval": None, "speakers": {"a": -0.1, "b": 0.2}}, False),
        ({"value": 0.1, "interval": None, "speakers": {}}, False),
    ],
)
def test_what_a_stack_does_not_clearly_beat_is_named(minus, beaten):
    clear = {"value": 0.5, "interval": (0.4, 0.6), "speakers": {}}
    rows = [
        {"name": "best", "kind": "member", "best_on_val": True, "stack_minus_it": minus},
        {"name": "other", "kind": "member", "best_on_val": False, "stack_minus_it": minus},
        {"name": "average", "kind": "average", "best_on_val": False, "stack_minus_it": clear},
        {"name": "stack", "kind": "stack", "best_on_val": False, "stack_minus_it": None},
    ]
    assert not_beaten(rows) == ([] if beaten else ["best"])
