import numpy as np
import polars as pl

from ser_lightning.meta.features import features, member_probabilities, targets, with_probabilities


def table(clips, happy):
    return pl.DataFrame({"clip": clips, "p_happy": happy, "p_sad": [1 - p for p in happy]})


def test_features_are_the_logarithms_member_after_member():
    p = np.array([[[0.5, 0.5]], [[0.25, 0.75]]])
    np.testing.assert_allclose(features(p), np.log([[0.5, 0.5, 0.25, 0.75]]))


def test_a_zero_is_a_millionth():
    np.testing.assert_allclose(features(np.array([[[0.0, 1.0]]])), [[np.log(1e-6), 0.0]])


def test_members_are_put_in_the_order_of_the_first():
    made = member_probabilities([table(["a", "b"], [0.1, 0.2]), table(["b", "a"], [0.6, 0.5])], ["happy", "sad"])
    np.testing.assert_allclose(made[:, :, 0], [[0.1, 0.2], [0.5, 0.6]])
    np.testing.assert_allclose(made.sum(axis=2), 1)


def test_targets_count_in_the_order_of_the_labels():
    assert targets(pl.DataFrame({"label": ["sad", "happy", "sad"]}), ["happy", "sad"]).tolist() == [1, 0, 1]


def test_new_probabilities_bring_their_prediction():
    made = with_probabilities(table(["a"], [0.9]), np.array([[0.25, 0.75]]), ["happy", "sad"])
    assert made.select("clip", "prediction", "p_happy", "p_sad").row(0) == ("a", "sad", 0.25, 0.75)
    assert made["p_sad"].dtype == pl.Float32
