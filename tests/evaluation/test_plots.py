"""The curves equal scikit-learn's, and what is drawn equals what was given."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
import sklearn.metrics
from matplotlib.image import imread

from ser_lightning.drawing import PIXELS_PER_INCH, png
from ser_lightning.evaluation import plots

RANDOM = np.random.default_rng(0)
MANY = RANDOM.random(200) < 0.3
SCORES = {
    "random": (MANY, RANDOM.random(200)),
    "ties": (MANY, np.round(RANDOM.random(200) + 0.4 * MANY, 1)),
    "float32": (MANY, RANDOM.random(200).astype(np.float32)),
    "all equal": (MANY, np.full(200, 0.5)),
    "perfect": (MANY, MANY.astype(float)),
    "upside down": (MANY, 1.0 - MANY),
    "one positive": (np.arange(9) == 4, np.linspace(0, 1, 9)),
    "two clips": (np.array([True, False]), np.array([0.2, 0.8])),
}


@pytest.mark.parametrize(("truth", "score"), SCORES.values(), ids=SCORES.keys())
def test_roc_curve_is_scikit_learns(truth, score):
    curve = plots.roc_curve(truth, score)
    expected = sklearn.metrics.roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positive_rate, expected[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.true_positive_rate, expected[1], rtol=0, atol=1e-12)
    assert curve.area == pytest.approx(sklearn.metrics.roc_auc_score(truth, score), abs=1e-12)


@pytest.mark.parametrize("truth", [np.zeros(5, dtype=bool), np.ones(5, dtype=bool), np.zeros(0, dtype=bool)])
def test_there_is_no_roc_curve_without_both_kinds(truth):
    assert plots.roc_curve(truth, np.linspace(0, 1, truth.size)) is None


def predictions(truth: np.ndarray, probabilities: np.ndarray, labels: list[str]) -> pl.DataFrame:
    columns = {f"p_{label}": probabilities[:, index] for index, label in enumerate(labels)}
    return pl.DataFrame({"label": [labels[index] for index in truth]} | columns)


def test_roc_curves_are_one_vs_rest_and_leave_out_the_absent_class():
    labels = ["angry", "happy", "sad"]
    truth, probabilities = RANDOM.integers(0, 2, 60), RANDOM.dirichlet(np.ones(3), 60)
    curves = plots.roc_curves(predictions(truth, probabilities, labels), labels)
    assert list(curves) == ["angry", "happy"]
    for index, label in enumerate(curves):
        expected = sklearn.metrics.roc_auc_score(truth == index, probabilities[:, index])
        assert curves[label].area == pytest.approx(expected, abs=1e-12)


def test_two_classes_have_mirrored_curves_of_one_area():
    truth, first = RANDOM.integers(0, 2, 40), RANDOM.random(40)
    curves = plots.roc_curves(predictions(truth, np.stack([first, 1 - first], 1), ["a", "b"]), ["a", "b"])
    assert curves["a"].area == pytest.approx(curves["b"].area, abs=1e-12)


def test_roc_figure_draws_each_curve_and_names_its_area():
    truth, score = SCORES["ties"]
    curve = plots.roc_curve(truth, score)
    axes = plots.roc_figure({"sad": curve}).axes[0]
    np.testing.assert_array_equal(axes.lines[1].get_xydata(), np.stack(curve, axis=1))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [f"sad  {curve.area:.2f}"]


def test_more_classes_than_colours_still_look_different():
    curve = plots.RocCurve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    lines = plots.roc_figure({f"class {index}": curve for index in range(20)}).axes[0].lines[1:]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 20


def test_confusion_figure_prints_counts_and_colours_shares_of_the_row():
    truth, guess = RANDOM.integers(0, 3, 90), RANDOM.integers(0, 3, 90)
    counts = sklearn.metrics.confusion_matrix(truth, guess)
    axes = plots.confusion_figure(counts.tolist(), ["angry", "happy", "sad"]).axes[0]
    printed = {text.get_position(): int(text.get_text()) for text in axes.texts}
    assert printed == {(column, row): count for (row, column), count in np.ndenumerate(counts)}
    shares = sklearn.metrics.confusion_matrix(truth, guess, normalize="true")
    np.testing.assert_allclose(axes.images[0].get_array(), shares, atol=1e-12)


def test_confusion_of_an_absent_class_has_no_share():
    axes = plots.confusion_figure([[3, 1], [0, 0]], ["angry", "happy"]).axes[0]
    shares = axes.images[0].get_array()
    np.testing.assert_array_equal(shares.mask, [[False, False], [True, True]])
    np.testing.assert_array_equal(shares[0], [0.75, 0.25])


def test_recall_figure_has_a_bar_a_class_and_says_which_class_has_no_clips():
    axes = plots.recall_figure({"angry": 0.25, "calm": None, "sad": 1.0}, 0.625).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.25, 0.0, 1.0]
    assert [text.get_text() for text in axes.texts] == ["0.25", "no clips", "1.00"]
    assert axes.lines[0].get_xdata() == [0.625, 0.625]


LOG = pl.read_csv(
    io.StringIO(
        "epoch,train_loss,train_balanced_accuracy,val_loss,val_balanced_accuracy,val_macro_f1\n"
        "1,2.0,0.2,1.9,0.30,\n2,1.5,,1.4,0.55,\n3,nan,0.6,,,\n4,0.9,0.7,1.2,0.55,\n"
    )
)


def test_best_epoch_is_the_first_of_equals_and_empty_cells_do_not_count():
    assert plots.best_epoch(LOG) == (2, 0.55)


@pytest.mark.parametrize(
    "log",
    [
        LOG.drop("val_balanced_accuracy"),
        LOG.rename({"val_balanced_accuracy": "x", "val_macro_f1": "val_balanced_accuracy"}),
    ],
)
def test_without_a_val_part_there_is_no_best_epoch(log):
    assert plots.best_epoch(log) is None
    labels = [text.get_text() for text in plots.balanced_accuracy_figure(log).axes[0].get_legend().get_texts()]
    assert labels == ["train"]


def drawn(axes) -> dict[str, list[list[float]]]:
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def test_loss_figure_draws_the_log_without_its_empty_cells():
    lines = drawn(plots.loss_figure(LOG).axes[0])
    assert lines == {"train": [[1, 2.0], [2, 1.5], [4, 0.9]], "val": [[1, 1.9], [2, 1.4], [4, 1.2]]}


def test_balanced_accuracy_figure_marks_the_best_epoch():
    lines = drawn(plots.balanced_accuracy_figure(LOG).axes[0])
    assert lines["train"] == [[1, 0.2], [3, 0.6], [4, 0.7]]
    assert lines["best epoch"] == [[2, 0.55]]


def test_a_single_epoch_is_drawn_as_a_point():
    line = plots.loss_figure(LOG.head(1)).axes[0].lines[0]
    assert (line.get_xydata().tolist(), line.get_marker()) == ([[1, 2.0]], "o")


def test_log_mel_spans_the_clip_and_its_loudest_80_db():
    log_mel = np.linspace(-120, 10, 40 * 50, dtype=np.float32).reshape(40, 50)
    image = plots.log_mel_figure(log_mel, 2.5).axes[0].images[0]
    assert image.get_clim() == (-70.0, 10.0)
    assert tuple(image.get_extent()) == (0, 2.5, 0, 40)
    np.testing.assert_array_equal(image.get_array(), log_mel)


def test_silence_is_drawn_without_complaint():
    content = png(plots.log_mel_figure(np.full((8, 3), -100, dtype=np.float32), 0.1))
    assert imread(io.BytesIO(content)).shape[2] == 4


def test_png_has_the_figures_pixels_and_leaves_no_trace():
    before = dict(mpl.rcParams)
    figures = [plots.loss_figure(LOG) for _ in range(2)]
    first, second = map(png, figures)
    assert first == second
    pixels = np.round(figures[0].get_size_inches()[::-1] * PIXELS_PER_INCH)
    np.testing.assert_array_equal(imread(io.BytesIO(first)).shape[:2], pixels)
    assert dict(mpl.rcParams) == before
