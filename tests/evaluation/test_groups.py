"""Groups are scored as tables of their own, and their gaps are held fixed over resamples of all speakers."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ser_lightning.evaluation.groups import FEW, NOT_KNOWN, UNKNOWN, duration_names, group_names, table_groups
from ser_lightning.evaluation.intervals import interval, resample_weights, table_intervals
from ser_lightning.evaluation.scores import NAMES, SMALL_IS_GOOD, balanced_accuracy, table_scores

LABELS = ("angry", "happy", "sad")


@pytest.fixture
def table(random_table):
    """20 speakers of 30 clips, ten of each sex; two intensities of each, durations from 1 to 4 s."""
    rows = np.arange(600)
    return random_table(
        LABELS,
        600,
        20,
        sex=["female" if row % 2 else "male" for row in rows],
        intensity=["strong" if row // 20 % 2 else "normal" for row in rows],
        seconds=(1 + 3 * rows / 599).tolist(),
    )


def test_the_groupings_and_their_values(table):
    found = table_groups(table, LABELS)
    assert list(found) == ["sex", "speaker", "intensity", "duration"]  # one corpus is no grouping
    assert {name: list(grouping["values"]) for name, grouping in found.items()} == {
        "sex": ["female", "male"],
        "speaker": [f"s{number:02}" for number in range(20)],
        "intensity": ["normal", "strong"],
        "duration": ["up to 2.0 s", "2.0 to 3.0 s", "over 3.0 s"],
    }
    assert [value["clips"] for value in found["speaker"]["values"].values()] == [30] * 20
    assert [value["speakers"] for value in found["sex"]["values"].values()] == [10, 10]
    assert [value["speakers"] for value in found["intensity"]["values"].values()] == [20, 20]


@pytest.mark.parametrize(("column", "value"), [("sex", "female"), ("intensity", "strong"), ("speaker", "s07")])
def test_a_group_has_the_scores_and_intervals_of_its_own_table(table, column, value):
    found, own = table_groups(table, LABELS)[column]["values"][value], table.filter(pl.col(column) == value)
    expected, around = table_scores(own, LABELS), table_intervals(own, LABELS)["scores"]
    assert list(found["scores"]) == list(NAMES)
    assert found["clips"] == len(own)
    for name in NAMES:
        assert found["scores"][name] == (None if expected[name] is None else pytest.approx(expected[name], abs=1e-12))
    assert list(found["intervals"]) == list(around)
    for name, of_own in around.items():
        assert found["intervals"][name] == pytest.approx(of_own, abs=1e-9)


def test_durations_are_cut_where_they_say(table):
    values = table_groups(table, LABELS)["duration"]["values"]
    seconds = table["duration"]
    expected = [(seconds <= 2.0).sum(), ((seconds > 2.0) & (seconds <= 3.0)).sum(), (seconds > 3.0).sum()]
    assert [value["clips"] for value in values.values()] == expected


def test_a_gap_is_of_the_highest_and_the_lowest_group(table):
    for grouping in (table_groups(table, LABELS)[name] for name in ("sex", "intensity", "duration")):
        assert set(grouping["gaps"]) == set(NAMES) - {"cross_entropy", "js_divergence"}
        for score, gap in grouping["gaps"].items():
            values = {name: value["scores"][score] for name, value in grouping["values"].items()}
            assert values[gap["high"]] == max(values.values())
            assert values[gap["low"]] == min(values.values())
            assert gap["gap"] == pytest.approx(values[gap["high"]] - values[gap["low"]], abs=1e-12)
            assert gap["interval"][0] < gap["gap"] < gap["interval"][1]


@pytest.mark.parametrize("column", ["sex", "intensity"])
def test_the_interval_of_a_gap_resamples_all_speakers_with_both_groups(table, column):
    """By hand: each speaker's confusion matrix in each group, weighted as often as the speaker is drawn."""
    found = table_groups(table, LABELS)[column]["gaps"]["balanced_accuracy"]
    speakers = sorted(table["speaker"].unique())
    confusion = np.zeros((2, 20, 3, 3))
    for row in table.select(column, "speaker", "label", "prediction").iter_rows():
        side = [found["high"], found["low"]].index(row[0])
        confusion[side, speakers.index(row[1]), LABELS.index(row[2]), LABELS.index(row[3])] += 1
    high, low = (balanced_accuracy(np.tensordot(resample_weights(20), side, axes=1)) for side in confusion)
    assert found["interval"] == pytest.approx(interval(high - low, found["gap"], 20), abs=1e-9)


def test_a_gap_within_speakers_is_surer_than_its_groups(table_of):
    """Speakers differ much, but each is as much better when strong: the gap is known better than either side."""
    rng, rows = np.random.default_rng(0), []
    for speaker, skill in enumerate(np.linspace(0.1, 0.7, 20)):
        for strong in (0, 1):
            right = rng.permutation(60) < round(60 * (skill + 0.2 * strong))
            rows += [
                (f"s{speaker:02}", ("normal", "strong")[strong], clip % 2, bool(hit)) for clip, hit in enumerate(right)
            ]
    p = [[0.7, 0.3] if (truth == 0) == hit else [0.3, 0.7] for *_, truth, hit in rows]
    labels, truths = ("calm", "angry"), [row[2] for row in rows]
    table = table_of(p, truths, labels, speaker=[row[0] for row in rows], intensity=[row[1] for row in rows])
    found = table_groups(table, labels)["intensity"]
    low, high = found["gaps"]["accuracy"]["interval"]
    assert found["gaps"]["accuracy"]["gap"] == pytest.approx(0.2, abs=0.01)
    assert 0.15 < low < high < 0.25
    assert np.diff(found["values"]["normal"]["intervals"]["accuracy"]) > 4 * (high - low)


def test_of_small_is_good_scores_high_is_still_the_greater(table_of):
    sure, unsure = [[0.99, 0.01], [0.01, 0.99]], [[0.6, 0.4], [0.4, 0.6]]
    table = table_of(sure + unsure, [0, 1, 0, 1], ("calm", "angry"), sex=["female", "female", "male", "male"])
    gap = table_groups(table, ("calm", "angry"))["sex"]["gaps"]["log_loss"]
    assert "log_loss" in SMALL_IS_GOOD
    assert (gap["high"], gap["low"]) == ("male", "female")
    assert gap["gap"] == pytest.approx(np.log(0.99 / 0.6), abs=1e-6)


def test_equal_groups_have_a_gap_of_nothing_between_two(table_of):
    table = table_of([[0.8, 0.2]] * 4, [0] * 4, ("calm", "angry"), sex=["male", "female"] * 2)
    gap = table_groups(table, ("calm", "angry"))["sex"]["gaps"]["accuracy"]
    assert {gap["high"], gap["low"]} == {"male", "female"}
    assert gap["gap"] == 0.0


def test_of_few_speakers_the_reason_is_told(random_table):
    table = random_table(LABELS, 80, 4, sex=["female", "male"] * 40)
    found = table_groups(table, LABELS)
    assert found["sex"]["reason"].startswith("4 speakers are too few for an interval")
    assert {gap["interval"] for gap in found["sex"]["gaps"].values()} == {None}
    assert all(value["intervals"] == {} for value in found["sex"]["values"].values())
    assert found["speaker"]["gaps"] == {}
    assert found["speaker"]["reason"] == ""


def test_a_group_of_few_speakers_has_no_interval_in_a_table_of_many(random_table):
    """12 speakers, two of them men."""
    table = random_table(LABELS, 240, 12, sex=["male" if row % 12 < 2 else "female" for row in range(240)])
    found = table_groups(table, LABELS)["sex"]
    assert [value["speakers"] for value in found["values"].values()] == [10, 2]
    assert found["values"]["female"]["intervals"] != {}
    assert found["values"]["male"]["intervals"] == {}
    assert {gap["interval"] for gap in found["gaps"].values()} == {None}
    assert found["reason"] == FEW


def test_what_is_not_known_is_a_group_but_no_side_of_a_gap(table_of):
    """The one clip of unknown sex is wrong; between the others there is nothing."""
    p, sex = [[0.8, 0.2]] * 5, ["", "male", "female", "male", "female"]
    table = table_of(p, [1, 0, 0, 0, 0], ("calm", "angry"), sex=sex, speaker=["", "a", "b", "a", "b"])
    found = table_groups(table, ("calm", "angry"))
    assert list(found["sex"]["values"]) == ["female", "male", UNKNOWN]
    assert found["sex"]["values"][UNKNOWN]["scores"]["accuracy"] == 0.0
    assert found["sex"]["values"][UNKNOWN]["speakers"] == 0
    assert found["sex"]["gaps"]["accuracy"]["gap"] == 0.0
    assert UNKNOWN not in (found["sex"]["gaps"]["accuracy"]["high"], found["sex"]["gaps"]["accuracy"]["low"])
    assert list(found["speaker"]["values"]) == ["a", "b", UNKNOWN]
    assert found["speaker"]["values"][UNKNOWN]["speakers"] == 0
    assert found["sex"]["reason"].startswith("the speaker of 1 clip is not known")


def test_what_is_really_called_unknown_is_apart_from_what_is_not_known(table_of):
    """The clip without a sex is right, those whose sex is called unknown are wrong, as is their speaker's."""
    p, sex = [[0.8, 0.2]] * 5, ["", "unknown", "female", "unknown", "female"]
    table = table_of(p, [0, 1, 0, 1, 0], ("calm", "angry"), sex=sex, speaker=["", "unknown", "b", "unknown", "b"])
    found = table_groups(table, ("calm", "angry"))
    assert {name: value["clips"] for name, value in found["sex"]["values"].items()} == {
        "female": 2,
        "unknown": 2,
        NOT_KNOWN: 1,
    }
    gap = found["sex"]["gaps"]["accuracy"]
    assert (gap["high"], gap["low"], gap["gap"]) == ("female", "unknown", 1.0)
    speakers = {name: value["speakers"] for name, value in found["speaker"]["values"].items()}
    assert speakers == {"b": 1, "unknown": 1, NOT_KNOWN: 0}


def test_where_nothing_is_known_there_are_no_groups(table_of):
    table = table_of([[0.8, 0.2]] * 4, [0, 1, 0, 1], ("calm", "angry"), speaker=[""] * 4)
    assert table_groups(table, ("calm", "angry")) == {}


def test_known_by_some_and_unknown_by_others_has_no_gap(table_of):
    table = table_of([[0.8, 0.2]] * 2, [0, 1], ("calm", "angry"), intensity=["", "strong"])
    found = table_groups(table, ("calm", "angry"))["intensity"]
    assert list(found["values"]) == ["strong", UNKNOWN]
    assert found["gaps"] == {}


def test_speakers_of_several_corpora_are_named_with_theirs(random_table):
    table = random_table(LABELS, 40, 2, corpus=["one"] * 20 + ["two"] * 20)
    found = table_groups(table, LABELS)
    assert list(found["speaker"]["values"]) == ["one/s00", "one/s01", "two/s00", "two/s01"]
    assert [value["clips"] for value in found["corpus"]["values"].values()] == [20, 20]


@pytest.mark.parametrize(
    ("seconds", "names"),
    [
        ([2.0] * 6, ["up to 2.0 s"]),
        ([2.41, 2.42, 2.43], ["over 2.4 s"]),
        ([2.0, 2.0, 2.0, 2.0, 2.9], ["up to 2.0 s", "over 2.0 s"]),
        ([1.0, 2.0, 3.0], ["up to 1.7 s", "1.7 to 2.3 s", "over 2.3 s"]),
        ([9.0, 12.0], ["up to 10.0 s", "over 11.0 s"]),
    ],
)
def test_names_of_durations(seconds, names):
    assert duration_names(pl.Series(seconds)).unique().sort().to_list() == names


def test_group_names_are_a_row_a_clip(table):
    assert group_names(table).shape == (600, 5)


def test_it_can_be_repeated_and_json_can_hold_it(table):
    found = table_groups(table, LABELS)
    assert json.dumps(found, allow_nan=False) == json.dumps(table_groups(table, LABELS), allow_nan=False)
    other = table_groups(table, LABELS, seed=1)
    assert other["sex"]["gaps"]["accuracy"]["gap"] == found["sex"]["gaps"]["accuracy"]["gap"]
    assert other["sex"]["gaps"]["accuracy"]["interval"] != found["sex"]["gaps"]["accuracy"]["interval"]


def test_a_class_that_a_group_lacks_is_none(table_of):
    """Ann has only calm clips: her AUROC is None, and there is no gap of it."""
    table = table_of([[0.8, 0.2]] * 4, [0, 0, 0, 1], ("calm", "angry"), sex=["female"] * 2 + ["male"] * 2)
    found = table_groups(table, ("calm", "angry"))["sex"]
    assert found["values"]["female"]["scores"]["auroc"] is None
    assert found["values"]["male"]["scores"]["auroc"] == 0.5
    assert "auroc" not in found["gaps"]
