"""What is drawn of the training equals the log."""

from __future__ import annotations

import io

import polars as pl
import pytest

from ser_lightning.evaluation import training_plots

LOG = pl.read_csv(
    io.StringIO(
        "epoch,train_loss,train_balanced_accuracy,val_loss,val_balanced_accuracy,val_macro_f1\n"
        "1,2.0,0.2,1.9,0.30,\n2,1.5,,1.4,0.55,\n3,nan,0.6,,,\n4,0.9,0.7,1.2,0.55,\n"
    )
)


def test_best_epoch_is_the_first_of_equals_and_empty_cells_do_not_count():
    assert training_plots.best_epoch(LOG) == (2, 0.55)


@pytest.mark.parametrize(
    "log",
    [
        LOG.drop("val_balanced_accuracy"),
        LOG.rename({"val_balanced_accuracy": "x", "val_macro_f1": "val_balanced_accuracy"}),
    ],
)
def test_without_a_val_part_there_is_no_best_epoch(log):
    assert training_plots.best_epoch(log) is None
    legend = training_plots.balanced_accuracy_figure(log).legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["train"]


def drawn(axes) -> dict[str, list[list[float]]]:
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def test_loss_figure_draws_the_log_without_its_empty_cells():
    lines = drawn(training_plots.loss_figure(LOG).axes[0])
    assert lines == {"train": [[1, 2.0], [2, 1.5], [4, 0.9]], "val": [[1, 1.9], [2, 1.4], [4, 1.2]]}


def test_balanced_accuracy_figure_marks_the_best_epoch():
    lines = drawn(training_plots.balanced_accuracy_figure(LOG).axes[0])
    assert lines["train"] == [[1, 0.2], [3, 0.6], [4, 0.7]]
    assert lines["best epoch"] == [[2, 0.55]]


def test_a_single_epoch_is_drawn_as_a_point():
    line = training_plots.loss_figure(LOG.head(1)).axes[0].lines[0]
    assert (line.get_xydata().tolist(), line.get_marker()) == ([[1, 2.0]], "o")


def test_the_recall_of_each_class_and_the_learning_rate_are_drawn_where_they_are_logged():
    log = pl.DataFrame({"epoch": ["1", "2"], "val_recall_sad": ["0.1", "0.4"], "val_recall_a$b": [None, "0.5"]})
    assert list(training_plots.training_figures(LOG)) == ["loss", "balanced_accuracy"]
    assert list(training_plots.training_figures(log)) == ["loss", "balanced_accuracy", "epoch_recall"]
    assert drawn(training_plots.epoch_recall_figure(log).axes[0]) == {
        "sad": [[1, 0.1], [2, 0.4]],
        r"a\$b": [[2, 0.5]],
    }
    with_rate = log.with_columns(lr=pl.Series(["0.001", "0.0005"]))
    assert list(training_plots.training_figures(with_rate))[-1] == "learning_rate"
    axes = training_plots.learning_rate_figure(with_rate).axes[0]
    assert axes.lines[0].get_xydata().tolist() == [[1, 0.001], [2, 0.0005]]


def test_a_column_without_a_value_is_no_picture():
    log = pl.DataFrame({"epoch": ["1"], "train_loss": ["1.0"], "val_recall_sad": [None], "lr": [None]})
    assert list(training_plots.training_figures(log)) == ["loss", "balanced_accuracy"]
