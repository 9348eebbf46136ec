import numpy as np
import pytest
from sklearn.model_selection import ParameterSampler

from ser_lightning.meta.learners import class_probabilities, learner

METAS = ("random_forest", "extra_trees", "gradient_boosting", "logistic")
RNG = np.random.default_rng(0)
TARGET = RNG.integers(0, 3, 90)
FEATURES = RNG.normal(size=(90, 6)) + 3 * np.eye(6)[TARGET]


@pytest.mark.parametrize("meta", METAS)
def test_the_first_setting_that_is_drawn_learns(meta):
    model, ranges = learner(meta, 0)
    [setting] = ParameterSampler(ranges, 1, random_state=1)
    model.set_params(**setting).fit(FEATURES[:60], TARGET[:60])
    assert (model.predict(FEATURES[60:]) == TARGET[60:]).mean() > 0.8


@pytest.mark.parametrize("meta", METAS[:3])
def test_a_split_of_16_clips_is_within_the_range(meta):
    drawn = {one["min_samples_split"] for one in ParameterSampler(learner(meta, 0)[1], 2000, random_state=0)}
    assert 16 in drawn
    assert min(drawn) >= 2


@pytest.mark.parametrize("meta", METAS)
def test_an_unseen_class_has_no_probability(meta):
    model = learner(meta, 0)[0].fit(FEATURES, np.where(TARGET == 1, 3, TARGET))
    p = class_probabilities(model, FEATURES, 5)
    assert (p[:, [1, 4]] == 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert set(p.argmax(axis=1)) == {0, 2, 3}


def test_a_hundredth_is_spread_over_the_classes_that_were_seen():
    model = learner("extra_trees", 0)[0].fit(FEATURES, TARGET)
    bare = model.predict_proba(FEATURES)
    assert bare.min() == 0
    np.testing.assert_allclose(class_probabilities(model, FEATURES, 3), 0.99 * bare + 0.01 / 3)
