"""What is drawn equals what was given."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pytest
import sklearn.metrics
from matplotlib.colors import to_hex
from matplotlib.image import imread

from ser_lightning.drawing import PIXELS_PER_INCH, png
from ser_lightning.evaluation import plots
from ser_lightning.evaluation.abstention import answered_at, risk_coverage
from ser_lightning.evaluation.curves import PrecisionRecallCurve, RocCurve, precision_recall_curve, roc_curve
from ser_lightning.evaluation.example_plots import CYAN, log_mel_figure
from ser_lightning.evaluation.reliability import Bin

RANDOM = np.random.default_rng(0)
TRUTH = RANDOM.random(200) < 0.3
TIES = np.round(RANDOM.random(200) + 0.4 * TRUTH, 1)


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_roc_figure_draws_each_curve_and_names_its_area():
    curve = roc_curve(TRUTH, TIES)
    figure = plots.roc_figure({"sad": curve})
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_xydata(), np.stack(curve, axis=1))
    assert legend(figure) == [f"sad  {curve.area:.2f}"]


def test_precision_recall_figure_draws_steps_and_names_scikit_learns_average_precision():
    curve = precision_recall_curve(TRUTH, TIES)
    figure = plots.precision_recall_figure({"sad": curve})
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(line.get_xydata(), np.stack([curve.recall, curve.precision], axis=1))
    assert line.get_drawstyle() == "steps-post"
    assert legend(figure) == [f"sad  {sklearn.metrics.average_precision_score(TRUTH, TIES):.2f}"]


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
def test_more_classes_than_colours_still_look_different(kind):
    ends = np.array([0.0, 1.0])
    curve = {"roc": RocCurve, "precision_recall": PrecisionRecallCurve}[kind](ends, ends)
    draw = {"roc": plots.roc_figure, "precision_recall": plots.precision_recall_figure}[kind]
    figure = draw({f"class {index}": curve for index in range(30)})
    lines = [line for line in figure.axes[0].lines if line.get_label().startswith("class")]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 30
    assert len(legend(figure)) == 30


def test_names_that_matplotlib_would_read_as_formulas_or_hide_are_shown():
    curve = RocCurve(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    figure = plots.roc_figure({"$\\broken{": curve, "_hidden": curve})
    assert legend(figure) == ["\\$\\broken{  0.50", " _hidden  0.50"]
    png(figure)


def test_confusion_figure_prints_counts_and_colours_shares_of_the_row():
    truth, guess = RANDOM.integers(0, 3, 90), RANDOM.integers(0, 3, 90)
    counts = sklearn.metrics.confusion_matrix(truth, guess)
    axes = plots.confusion_figure(counts.tolist(), ["angry", "happy", "sad"]).axes[0]
    printed = {text.get_position(): int(text.get_text()) for text in axes.texts}
    assert printed == {(column, row): count for (row, column), count in np.ndenumerate(counts)}
    shares = sklearn.metrics.confusion_matrix(truth, guess, normalize="true")
    np.testing.assert_allclose(axes.images[0].get_array(), shares, atol=1e-12)


def test_normalised_confusion_figure_prints_per_cent_of_the_row():
    truth, guess = RANDOM.integers(0, 3, 90), RANDOM.integers(0, 3, 90)
    counts = sklearn.metrics.confusion_matrix(truth, guess)
    axes = plots.normalised_confusion_figure([*counts.tolist()], ["angry", "happy", "sad"]).axes[0]
    percent = 100 * sklearn.metrics.confusion_matrix(truth, guess, normalize="true")
    printed = {text.get_position(): text.get_text() for text in axes.texts}
    assert printed == {(column, row): f"{value:.0f}" for (row, column), value in np.ndenumerate(percent)}
    np.testing.assert_allclose(axes.images[0].get_array(), percent / 100, atol=1e-12)


def test_thirty_classes_are_coloured_without_numbers():
    axes = plots.confusion_figure(np.eye(30, dtype=int).tolist(), [f"c{index}" for index in range(30)]).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), np.eye(30))
    assert len(axes.texts) == 0


def test_confusion_of_an_absent_class_has_no_share():
    axes = plots.confusion_figure([[3, 1], [0, 0]], ["angry", "happy"]).axes[0]
    shares = axes.images[0].get_array()
    np.testing.assert_array_equal(shares.mask, [[False, False], [True, True]])
    np.testing.assert_array_equal(shares[0], [0.75, 0.25])
    texts = plots.normalised_confusion_figure([[3, 1], [0, 0]], ["angry", "happy"]).axes[0].texts
    assert [text.get_text() for text in texts] == ["75", "25", "-", "-"]


def test_recall_figure_has_a_bar_a_class_and_says_which_class_has_no_clips():
    axes = plots.recall_figure({"angry": 0.25, "calm": None, "sad": 1.0}, 0.625).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.25, 0.0, 1.0]
    assert [text.get_text() for text in axes.texts] == ["0.25", "no clips", "1.00"]
    assert axes.lines[0].get_xdata() == [0.625, 0.625]


BINS = [Bin(0.4, 0.5, 3, 0.45, 1 / 3), Bin(0.9, 1.0, 12, 0.95, 0.75)]


def test_reliability_figure_draws_the_bins_their_distance_from_the_diagonal_and_their_clips():
    above, below = plots.reliability_figure(BINS).axes
    points, gaps = above.collections[1], above.collections[0]
    np.testing.assert_allclose(points.get_offsets(), [[0.45, 1 / 3], [0.95, 0.75]])
    assert points.get_sizes()[1] > points.get_sizes()[0]
    ends = [path.vertices.tolist() for path in gaps.get_paths()]
    assert ends == [[[0.45, 1 / 3], [0.45, 0.45]], [[0.95, 0.75], [0.95, 0.95]]]
    bars = [(bar.get_x(), bar.get_height()) for bar in below.patches]
    assert bars == [(0.4, 3), (0.9, 12)]


def risk_coverage_of(confidence, right, thresholds):
    curve = risk_coverage(np.array(confidence), np.array(right, dtype=bool))
    return plots.risk_coverage_figure(curve, [answered_at(curve, threshold) for threshold in thresholds])


def test_risk_coverage_figure_draws_the_curve_the_random_line_and_the_thresholds_that_are_reached():
    axes = risk_coverage_of([0.95, 0.8, 0.55, 0.3], [1, 0, 1, 0], (0.5, 0.9, 0.99)).axes[0]
    random, curve = axes.lines
    assert random.get_ydata() == [0.5, 0.5]
    np.testing.assert_allclose(curve.get_xydata(), [[0.25, 0], [0.5, 0.5], [0.75, 1 / 3], [1, 0.5]])
    lines, marks = axes.collections
    np.testing.assert_allclose(marks.get_offsets(), [[0.75, 1 / 3], [0.25, 0]])
    assert [path.vertices[0].tolist() for path in lines.get_paths()] == [[0.75, 1 / 3], [0.25, 0.0]]
    assert [(text.get_text(), text.xy[0]) for text in axes.texts] == [("0.9", 0.25), ("0.5", 0.75)]


def test_thresholds_too_near_to_each_other_are_named_in_lines_above_each_other():
    confidence = [0.95] * 2 + [0.85] + [0.55] * 97
    axes = risk_coverage_of(confidence, [1] * 100, (0.5, 0.6, 0.7, 0.8, 0.9)).axes[0]
    places = [(text.get_text(), text.xy[0], text.xyann[1]) for text in axes.texts]
    lines = sorted({height for _, _, height in places})
    assert [(name, place, lines.index(height)) for name, place, height in places] == [
        ("0.9", 0.02, 0),
        ("0.8", 0.03, 1),
        ("0.7", 0.03, 2),
        ("0.6", 0.03, 3),
        ("0.5", 1.0, 0),
    ]


@pytest.mark.parametrize("right", [True, False])
def test_risk_coverage_figure_of_one_clip_that_reaches_no_threshold(right):
    figure = risk_coverage_of([0.4], [right], (0.5,))
    (axes,) = figure.axes
    assert axes.lines[1].get_xydata().tolist() == [[1.0, float(not right)]]
    assert axes.lines[1].get_marker() == "o"
    assert len(axes.collections) == len(axes.texts) == 0
    assert axes.get_ylim()[0] < float(not right) < axes.get_ylim()[1]
    png(figure)


SPEAKERS = {"c/ben": 0.5, "c/ann": 0.5, "c/eve": 0.75, "a_corpus_of_many/speaker_0017": 0.25}


def test_speakers_are_named_rows_from_the_best_down():
    axes = plots.speakers_figure(SPEAKERS, 0.5).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.75, 0.5, 0.5, 0.25]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "c/eve",
        "c/ann",
        "c/ben",
        "a_corpus_of_…eaker_0017",
    ]
    assert axes.lines[0].get_xdata() == [0.5, 0.5]


def test_speakers_whose_names_are_shortened_alike_keep_a_row_each():
    names = {f"a_corpus_of_many/{part}/the_speaker": 0.5 for part in "ab"}
    assert len(plots.speakers_figure(names, 0.5).axes[0].patches) == 2


def test_many_speakers_are_thin_columns_and_the_interval_is_a_band():
    values = dict(zip(map(str, range(91)), RANDOM.random(91).tolist(), strict=True))
    axes = plots.speakers_figure(values, 0.5, (0.4, 0.6)).axes[0]
    *columns, band = axes.patches
    assert [bar.get_height() for bar in columns] == sorted(values.values(), reverse=True)
    assert band.get_y() == 0.4
    assert band.get_height() == pytest.approx(0.2)
    assert axes.get_xlabel() == "91 speakers, best first"


def test_log_mel_spans_the_clip_and_its_loudest_80_db():
    log_mel = np.linspace(-120, 10, 40 * 50, dtype=np.float32).reshape(40, 50)
    image = log_mel_figure(log_mel, 2.5).axes[0].images[0]
    assert image.get_clim() == (-70.0, 10.0)
    assert tuple(image.get_extent()) == (0, 2.5, 0, 40)
    np.testing.assert_array_equal(image.get_array(), log_mel)


def test_silence_is_drawn_without_complaint():
    content = png(log_mel_figure(np.full((8, 3), -100, dtype=np.float32), 0.1))
    assert imread(io.BytesIO(content)).shape[2] == 4


def test_evidence_is_outlined_at_half_of_its_maximum_and_closed_at_the_edges():
    evidence = np.zeros((8, 20), dtype=np.float32)
    evidence[:3, :5] = 1.0
    axes = log_mel_figure(np.zeros((8, 20), dtype=np.float32), 2.0, evidence).axes[0]
    (outline,) = axes.collections
    assert to_hex(outline.get_edgecolor()[0]) == CYAN
    seconds, bands = outline.get_paths()[0].vertices.T
    quarter_of_a_frame, quarter_of_a_band = pytest.approx(0.025), pytest.approx(0.25)  # within the picture, to be seen
    assert (seconds.min(), bands.min()) == (quarter_of_a_frame, quarter_of_a_band)
    assert (seconds.max(), bands.max()) == (pytest.approx(0.5), 3.0)


@pytest.mark.parametrize("evidence", [np.ones((8, 3)), np.zeros((8, 3)), None], ids=["all", "nothing", "none"])
def test_evidence_everywhere_is_a_frame_and_nowhere_is_no_line(evidence):
    shown = None if evidence is None else evidence.astype(np.float32)
    figure = log_mel_figure(np.zeros((8, 3), dtype=np.float32), 0.1, shown)
    assert len(figure.axes[0].collections) == int(evidence is not None and evidence.max() > 0)
    png(figure)


def test_png_has_the_figures_pixels_and_leaves_no_trace():
    before = dict(mpl.rcParams)
    figures = [plots.recall_figure({"sad": 0.5}, 0.5) for _ in range(2)]
    first, second = map(png, figures)
    assert first == second
    pixels = np.round(figures[0].get_size_inches()[::-1] * PIXELS_PER_INCH)
    np.testing.assert_array_equal(imread(io.BytesIO(first)).shape[:2], pixels)
    assert dict(mpl.rcParams) == before
