"""The tables that W&B draws: intervals by name, small curves that keep their area, colours that are decibels."""

import numpy as np
import polars as pl
import pytest
from matplotlib import colormaps
from sklearn.metrics import roc_auc_score

from ser_lightning.evaluation.scores import NAMES
from ser_lightning.wandb_tables import MOST_POINTS, log_mel_picture, pr_rows, roc_rows, summary_values


def predictions(num_clips: int, *, labels: tuple[str, ...] = ("angry", "sad")) -> pl.DataFrame:
    """Random labels among the first two, and probabilities that know something of them."""
    random = np.random.default_rng(0)
    truth = random.integers(2, size=num_clips)
    p = random.dirichlet(np.ones(len(labels)), num_clips) + 0.3 * np.eye(len(labels))[truth]
    p /= p.sum(axis=1, keepdims=True)
    about = {"label": [labels[index] for index in truth], "prediction": [labels[index] for index in p.argmax(1)]}
    return pl.DataFrame(about | {f"p_{label}": p[:, index] for index, label in enumerate(labels)})


def test_the_summary_names_the_ends_of_intervals_and_leaves_out_what_is_undefined():
    test = dict.fromkeys(NAMES, 0.5) | {"auroc": None, "intervals": {"scores": {"balanced_accuracy": (0.4, 0.7)}}}
    metrics = {"protocol": {"sentence": "how"}, "calibration": {"temperature": 1.5}, "test": test}
    scores = {f"test_{name}": 0.5 for name in NAMES if name != "auroc"}
    ends = {"test_balanced_accuracy_low": 0.4, "test_balanced_accuracy_high": 0.7}
    assert summary_values(metrics) == {"protocol": "how", "temperature": 1.5, **scores, **ends}


def test_a_curve_of_many_clips_is_thinned_to_its_ends_and_its_area():
    table = predictions(20_000)
    rows = roc_rows(table, ["angry", "sad"])
    assert rows["class"].value_counts(sort=True)["count"].to_list() == [MOST_POINTS, MOST_POINTS]
    for label in ("angry", "sad"):
        fpr, tpr = rows.filter(pl.col("class") == label).select("fpr", "tpr").to_numpy().T
        assert [fpr[0], tpr[0], fpr[-1], tpr[-1]] == [0, 0, 1, 1]
        exact = roc_auc_score(table["label"].to_numpy() == label, table[f"p_{label}"].to_numpy())
        assert np.trapezoid(tpr, fpr) == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("rows", [roc_rows, pr_rows])
def test_a_class_that_no_clip_has_gets_no_curve(rows):
    table = predictions(50, labels=("angry", "sad", "calm"))
    assert rows(table, ["angry", "sad", "calm"])["class"].unique().sort().to_list() == ["angry", "sad"]


@pytest.mark.parametrize("rows", [roc_rows, pr_rows])
def test_a_test_part_of_one_class_gives_an_empty_table_with_its_columns(rows):
    table = predictions(50).filter(pl.col("label") == "sad")
    curves = rows(table, ["angry", "sad"])
    assert curves.is_empty()
    assert curves.columns == rows(predictions(50), ["angry", "sad"]).columns


def test_the_picture_of_a_log_mel_has_low_bands_below_and_spans_80_decibels():
    log_mel = np.array([[0.0, -40.0], [-80.0, -120.0]], dtype=np.float32)  # the low band is loud
    loud, middle, floor = (np.array(colormaps["magma"](value, bytes=True))[:3] for value in (1.0, 0.5, 0.0))
    expected = np.array([[floor, floor], [loud, middle]])
    np.testing.assert_array_equal(log_mel_picture(log_mel)[::2, ::2], expected)
    np.testing.assert_array_equal(log_mel_picture(log_mel)[1::2, 1::2], expected)
