import io
import zipfile
from fractions import Fraction

import numpy as np
import pytest
import skops.io
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from ser_lightning.errors import UserError
from ser_lightning.meta.learners import learner
from ser_lightning.meta.storage import read_model, write_model

RNG = np.random.default_rng(0)
TARGET = RNG.integers(0, 3, 60)
FEATURES = RNG.normal(size=(60, 6)) + 3 * np.eye(6)[TARGET]


def fitted(meta="random_forest"):
    return learner(meta, 0)[0].fit(FEATURES, TARGET)


def read(path, **changes):
    return read_model(path, **{"num_features": 6, "num_classes": 3} | changes)


@pytest.mark.parametrize("meta", ["random_forest", "extra_trees", "gradient_boosting", "logistic"])
@pytest.mark.parametrize("num_classes", [2, 3])
def test_what_was_written_predicts_the_same(tmp_path, meta, num_classes):
    model = learner(meta, 0)[0].fit(FEATURES, TARGET % num_classes)
    write_model(tmp_path / "meta.skops", model)
    again = read(tmp_path / "meta.skops")
    np.testing.assert_array_equal(again.predict_proba(FEATURES), model.predict_proba(FEATURES))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match=r"meta\.skops is missing"):
        read(tmp_path / "meta.skops")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "meta.skops").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as a meta-learner"):
        read(tmp_path / "meta.skops")


def test_a_flipped_byte_is_refused(tmp_path):
    write_model(tmp_path / "meta.skops", fitted())
    content = bytearray((tmp_path / "meta.skops").read_bytes())
    content[200] ^= 0xFF
    (tmp_path / "meta.skops").write_bytes(bytes(content))
    with pytest.raises(UserError, match="cannot be read as a meta-learner"):
        read(tmp_path / "meta.skops")


def test_a_foreign_type_is_named_and_not_built(tmp_path):
    model = fitted()
    model.extra_ = Fraction(1, 2)
    skops.io.dump(model, tmp_path / "meta.skops")
    with pytest.raises(UserError, match=r"holds fractions\.Fraction, which no meta-learner needs; it was not loaded"):
        read(tmp_path / "meta.skops")


def test_a_type_that_is_swapped_in_the_list_is_refused(tmp_path):
    path = tmp_path / "meta.skops"
    write_model(path, fitted())
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["schema.json"] = (
        files["schema.json"]
        .replace(b'"DecisionTreeClassifier"', b'"system"')
        .replace(b'"sklearn.tree._classes"', b'"os"')
    )
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    path.write_bytes(changed.getvalue())
    with pytest.raises(UserError, match=r"holds os\.system"):
        read(path)


@pytest.mark.parametrize(
    "model",
    [
        SVC().fit(FEATURES, TARGET),
        LogisticRegression().fit(FEATURES, TARGET),
        RandomForestClassifier(),
        RandomForestClassifier(n_estimators=2).fit(FEATURES, TARGET.astype(str)),
        RandomForestClassifier(n_estimators=2).fit(FEATURES, TARGET + 1),
        RandomForestClassifier(n_estimators=2).fit(FEATURES[:, :5], TARGET),
        {"a": 1},
    ],
    ids=["other learner", "no pipeline", "not fitted", "text classes", "class outside", "fewer features", "no model"],
)
def test_what_is_no_meta_learner_of_the_stack_is_refused(tmp_path, model):
    skops.io.dump(model, tmp_path / "meta.skops")
    with pytest.raises(UserError, match="is no meta-learner of 6 features and 3 classes"):
        read(tmp_path / "meta.skops")


@pytest.mark.parametrize(
    ("field", "value"), [("left_child", 9999), ("right_child", 0), ("feature", 6), ("feature", -7), ("left_child", -5)]
)
def test_a_tree_that_points_outside_itself_is_refused(tmp_path, field, value):
    model = ExtraTreesClassifier(n_estimators=3, random_state=0).fit(FEATURES, TARGET)
    tree = model.estimators_[1].tree_
    state = tree.__getstate__()
    assert state["nodes"]["left_child"][0] != -1
    state["nodes"][field][0] = value
    tree.__setstate__(state)
    write_model(tmp_path / "meta.skops", model)
    with pytest.raises(UserError, match="is no meta-learner"):
        read(tmp_path / "meta.skops")


def test_trees_are_as_many_as_the_classes(tmp_path):
    model = fitted("gradient_boosting")
    model.classes_ = np.array([0, 1])
    write_model(tmp_path / "meta.skops", model)
    with pytest.raises(UserError, match="is no meta-learner"):
        read(tmp_path / "meta.skops")


FOUR = np.random.default_rng(1).integers(0, 4, 60)


def prior(target, **changes):
    made = DummyClassifier(strategy="prior").fit(FEATURES, target)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    "init",
    [
        prior(FOUR % 2),
        prior(FOUR + 1),
        prior(FOUR, class_prior_=np.array([0.5, 0.5])),
        prior(FOUR, class_prior_=np.full(4, np.nan)),
        "zero",
        None,
    ],
    ids=["two classes", "other classes", "two shares", "shares that are no numbers", "zero", "none"],
)
def test_boosting_that_begins_with_other_classes_is_refused(tmp_path, init):
    model = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(FEATURES, FOUR)
    model.init_ = init
    write_model(tmp_path / "meta.skops", model)
    with pytest.raises(UserError, match="is no meta-learner of 6 features and 4 classes"):
        read(tmp_path / "meta.skops", num_classes=4)


def test_what_a_model_says_of_its_own_size_is_not_believed(tmp_path):
    boosting = GradientBoostingClassifier(n_estimators=3, random_state=0).fit(FEATURES, FOUR)
    forest = RandomForestClassifier(n_estimators=3, random_state=0).fit(FEATURES, FOUR)
    expected = [model.predict_proba(FEATURES) for model in (boosting, forest)]
    two = GradientBoostingClassifier(n_estimators=1).fit(FEATURES, FOUR % 2)
    boosting._loss, boosting.n_trees_per_iteration_, boosting.n_classes_ = two._loss, 1, 2
    boosting.init_.n_classes_, boosting.init_._strategy = 2, "uniform"
    forest.n_classes_, forest.estimators_[0].n_classes_, forest.n_outputs_ = 2, 9, 3
    for model, probabilities in zip((boosting, forest), expected, strict=True):
        write_model(tmp_path / "meta.skops", model)
        again = read(tmp_path / "meta.skops", num_classes=4)
        np.testing.assert_array_equal(again.predict_proba(FEATURES), probabilities)


def test_trees_of_fewer_classes_than_their_forest_are_refused(tmp_path):
    model = RandomForestClassifier(n_estimators=3, random_state=0).fit(FEATURES, FOUR)
    other = RandomForestClassifier(n_estimators=1, random_state=0).fit(FEATURES, FOUR % 2)
    model.estimators_[1].tree_ = other.estimators_[0].tree_
    write_model(tmp_path / "meta.skops", model)
    with pytest.raises(UserError, match="a tree must stay within its own nodes, features and classes"):
        read(tmp_path / "meta.skops", num_classes=4)


@pytest.mark.parametrize(
    ("step", "field", "value"),
    [
        (0, "scale_", np.ones(5)),
        (0, "mean_", np.full(6, np.inf)),
        (1, "coef_", np.ones((1, 6))),
        (1, "intercept_", np.ones(2)),
    ],
)
def test_a_regression_of_another_shape_is_refused(tmp_path, step, field, value):
    model = fitted("logistic")
    setattr(model[step], field, value)
    write_model(tmp_path / "meta.skops", model)
    with pytest.raises(UserError, match="finite numbers are needed"):
        read(tmp_path / "meta.skops")
