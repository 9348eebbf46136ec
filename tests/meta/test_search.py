import warnings

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import balanced_accuracy_score

from ser_lightning.errors import UserError
from ser_lightning.meta.search import Search, balanced_accuracy, inner_folds, unseen_probabilities

RNG = np.random.default_rng(0)
TARGET = np.tile(np.arange(3), 40)
FEATURES = RNG.normal(size=(120, 6)) + 2 * np.eye(6)[TARGET]


def table(num_speakers=8, num_texts=5, rows=120):
    number = np.arange(rows)
    return pl.DataFrame(
        {
            "corpus": ["toy"] * rows,
            "speaker": [f"s{n}" if num_speakers else "" for n in number // 3 % max(num_speakers, 1)],
            "text": [f"t{n}" if num_texts else "" for n in number // 3 % max(num_texts, 1)],
        }
    )


def search(meta="logistic", **changes):
    return Search(**{"meta": meta, "iterations": 3, "num_folds": 4, "jobs": 1, "seed": 0} | changes)


@pytest.mark.parametrize(("num_speakers", "num_folds"), [(8, 4), (3, 3), (2, 2)])
def test_inner_folds_share_no_speaker_and_hold_every_clip_once(num_speakers, num_folds):
    clips = table(num_speakers)
    inner = inner_folds(clips, TARGET, num_folds=4, seed=0)
    assert inner.disjoint == "speakers"
    assert len(inner.folds) == num_folds
    speaker = clips["speaker"].to_numpy()
    for fitted, held_out in inner.folds:
        assert not set(speaker[fitted]) & set(speaker[held_out])
        assert len(fitted) + len(held_out) == 120
    assert sorted(np.concatenate([held_out for _, held_out in inner.folds])) == list(range(120))


def test_of_one_speaker_the_texts_are_apart():
    clips = table(num_speakers=1, num_texts=3)
    inner = inner_folds(clips, TARGET, num_folds=4, seed=0)
    assert (inner.disjoint, len(inner.folds)) == ("texts", 3)
    text = clips["text"].to_numpy()
    assert all(not set(text[fitted]) & set(text[held_out]) for fitted, held_out in inner.folds)


@pytest.mark.parametrize(("num_speakers", "num_texts"), [(1, 1), (0, 0), (1, 0), (0, 1)])
def test_without_speakers_and_texts_only_clips_are_apart(num_speakers, num_texts):
    inner = inner_folds(table(num_speakers, num_texts), TARGET, num_folds=4, seed=0)
    assert (inner.disjoint, len(inner.folds)) == ("clips", 4)


def test_speakers_of_one_class_each_leave_nothing_to_learn_so_texts_are_apart():
    clips = table().with_columns(speaker=pl.Series([f"s{k % 2}" for k in TARGET]))
    target = (TARGET % 2).astype(np.int64)
    assert inner_folds(clips, target, num_folds=4, seed=0).disjoint == "texts"


@pytest.mark.parametrize("target", [np.zeros(6, dtype=np.int64), np.arange(6)])
def test_too_few_clips_or_classes_are_refused(target):
    with pytest.raises(UserError, match="clips of at least two classes in each of two folds, got 6 clips of"):
        inner_folds(table(rows=6), target, num_folds=4, seed=0)


def test_a_rare_class_warns_of_nothing_and_counts_where_it_is():
    target = TARGET.copy()
    target[:1] = 3
    found = search().fit(FEATURES, target, table())
    assert set(found.model.classes_) == {0, 1, 2, 3}
    guess = unseen_probabilities(found, FEATURES, target, 4).argmax(axis=1)
    of_folds = []
    for _, rows in found.inner.folds:
        assert (3 in target[rows]) == (0 in rows)
        of_folds.append(np.mean([(guess[rows] == target[rows])[target[rows] == k].mean() for k in set(target[rows])]))
    assert found.score == pytest.approx(np.mean(of_folds))


class Says:
    """A model that says what it was told to."""

    def __init__(self, guess):
        self.guess = np.array(guess)

    def predict(self, features):
        return self.guess


@pytest.mark.parametrize(
    ("truth", "guess"), [([0, 0, 1, 2], [0, 1, 1, 0]), ([0, 0, 1], [2, 0, 1]), ([1], [1]), ([1, 1], [0, 0])]
)
def test_the_score_is_scikit_learns_balanced_accuracy(truth, guess):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn: predicted classes that are not in the truth
        expected = balanced_accuracy_score(truth, guess)
    assert balanced_accuracy(Says(guess), np.zeros((len(truth), 1)), np.array(truth)) == pytest.approx(expected)


@pytest.mark.parametrize("meta", ["random_forest", "extra_trees", "gradient_boosting", "logistic"])
def test_a_seed_gives_the_same_model_and_settings_that_json_takes(meta):
    settings = {"random_forest": 2, "extra_trees": 2, "gradient_boosting": 1, "logistic": 3}
    one, two = (search(meta, iterations=settings[meta], num_folds=2).fit(FEATURES, TARGET, table()) for _ in range(2))
    assert one.settings == two.settings
    assert all(isinstance(value, (int, float, str, type(None))) for value in one.settings.values())
    np.testing.assert_array_equal(one.model.predict_proba(FEATURES), two.model.predict_proba(FEATURES))


@pytest.mark.slow
def test_processes_find_what_one_finds():
    one, two = (search(jobs=jobs).fit(FEATURES, TARGET, table()) for jobs in (1, 2))
    assert (one.settings, one.score) == (two.settings, two.score)


def test_what_is_said_of_an_inner_fold_knows_nothing_of_it():
    found = search().fit(FEATURES, TARGET, table())
    before = unseen_probabilities(found, FEATURES, TARGET, 3)
    held_out = found.inner.folds[0][1]
    changed = TARGET.copy()
    changed[held_out] = (TARGET[held_out] + 1) % 3
    after = unseen_probabilities(found, FEATURES, changed, 3)
    np.testing.assert_array_equal(before[held_out], after[held_out])
    others = found.inner.folds[1][1]
    assert np.abs(before[others] - after[others]).max() > 0.01
