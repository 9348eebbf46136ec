"""The page of a run that lacks something, or has too much of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ser_lightning.errors import UserError
from ser_lightning.evaluation import report

LABELS = ["angry", "happy", "sad", "calm"]


def shown(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def test_a_debug_run_with_an_absent_class_and_one_epoch(tmp_path, make_run, read_page):
    metrics = make_run(
        tmp_path / "run",
        labels=LABELS,
        present=["angry", "sad", "calm"],
        clips={"train": 6, "val": 3, "test": 4},
        log="epoch,train_loss,val_balanced_accuracy\n1,1.9,0.31\n",
    )
    page = read_page(report.write_report(tmp_path / "run", examples=[]))
    happy = next(row for row in page.tables["Scores of each class"] if row[0] == "happy")
    precision, f1 = (metrics["test"]["per_class"]["happy"][key] for key in ("precision", "f1"))
    assert happy == ["happy", "—", shown(precision), shown(f1), "—", "0"]
    assert "A dash stands where a score is undefined" in page.words()
    assert "The checkpoint is of epoch 1," in page.words()
    assert page.all("audio") == []


def test_two_classes_without_a_val_part(tmp_path, make_run, read_page):
    labels = ["neutral", "sad"]
    log = "epoch,train_loss,train_balanced_accuracy,val_loss,val_balanced_accuracy\n1,0.7,0.5,,\n2,0.6,0.6,,\n"
    metrics = make_run(tmp_path / "run", labels=labels, clips={"train": 9, "test": 5}, log=log)
    page = read_page(report.write_report(tmp_path / "run", examples=[]))
    assert page.tables["Scores of all parts"][0] == ["score", "train", "test"]
    assert page.tables["Scores of all parts"][5][2] == shown(metrics["test"]["auroc"])
    assert "There is no val part, so no epoch was chosen by it." in page.words()


def test_a_part_of_one_class_has_no_roc_curve(tmp_path, make_run, read_page):
    make_run(tmp_path / "run", labels=LABELS, present=["sad"], clips={"train": 5, "val": 2, "test": 2})
    page = read_page(report.write_report(tmp_path / "run", examples=[]))
    assert [row[0] for row in page.tables["Scores of all parts"] if "AUROC" in row[0]] == []
    assert "There is no curve" in page.words()
    assert not (tmp_path / "run" / "report" / "roc.png").exists()


@pytest.mark.parametrize(
    ("shared", "warning"),
    [
        ({"train_val": 0, "train_test": 0, "val_test": 0}, []),
        ({"train_val": 1, "train_test": 0, "val_test": 0}, ["so the scores of val are optimistic."]),
        ({"train_val": 0, "train_test": 0, "val_test": 1}, ["so these scores are optimistic."]),
    ],
)
def test_the_warning_says_which_scores_shared_speakers_flatter(tmp_path, shared, warning, make_run, read_page):
    disjoint = not any(shared.values())
    parts = {"train": 5, "test": 4}
    make_run(tmp_path, labels=LABELS, clips=parts, shared_speakers=shared, speaker_disjoint=disjoint)
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert [text.split(", ")[1] for text in page.text("strong")] == warning
    assert ("No speaker is in two parts." in page.words()) == disjoint


def test_unknown_speakers_are_told_and_never_called_disjoint(tmp_path, make_run, read_page):
    nobody = {"train_val": 0, "train_test": 0, "val_test": 0}
    make_run(tmp_path, labels=LABELS, clips={"test": 8}, shared_speakers=nobody, speakers_known=False)
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert page.text("strong") == ["The speakers of some clips are not known."]
    assert "No speaker is in two parts." not in page.words()


def test_shared_recordings_are_warned_of(tmp_path, make_run, read_page):
    shared = {"train_val": 0, "train_test": 17, "val_test": 0}
    make_run(tmp_path, labels=LABELS, clips={"test": 8}, shared_audio=shared)
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert page.text("strong")[-1] == "Recordings are shared between parts, so these scores are too high."
    assert "train/val 0, train/test 17, val/test 0." in page.words()


def test_what_parts_share_is_a_table_where_the_run_has_looked(tmp_path, make_run, read_page):
    make_run(tmp_path, labels=LABELS, clips={"test": 8}, split_fold=2, split_folds=5)
    kinds = {"speakers": [3, 4, 5], "near_identical_audio": [0, 17, 0]}
    pairs = ("train_val", "train_test", "val_test")
    shared = {kind: dict(zip(pairs, counts, strict=True)) for kind, counts in kinds.items()}
    (tmp_path / "leaks.json").write_text(json.dumps({"policy": "warn", "shared": shared}), encoding="utf-8")
    words = " ".join(read_page(report.write_report(tmp_path, examples=[])).words().split())
    assert "train/val train/test val/test speakers 3 4 5 near identical audio 0 17 0" in words
    assert "random, fold 2 of 5, seed 23" in words


def test_long_clips_do_not_swell_the_page(tmp_path, make_run, read_page, example):
    make_run(tmp_path, labels=LABELS, clips={"test": 8})
    short = example("short", "sad", "happy")
    clips = [example(f"long{index}", "sad", "sad", seconds=25) for index in range(5)]
    path = report.write_report(tmp_path, examples=[*clips, short])
    page = read_page(path)
    assert path.stat().st_size < 5_000_000
    assert [values["aria-label"] for values in page.all("audio")] == [
        "Play short",
        "Play long0",
        "Play long1",
        "Play long2",
    ]
    assert page.text("p.soft").count("25 s, too long to be put on the page.") == 2


def test_without_log_and_config_the_page_goes_by_the_folders_name(tmp_path, make_run, read_page):
    make_run(tmp_path / "night", labels=LABELS, clips={"test": 8})
    (tmp_path / "night" / "log.csv").unlink()
    (tmp_path / "night" / "config.yaml").unlink()
    page = read_page(report.write_report(tmp_path / "night", examples=[]))
    assert page.text("h1") == ["night"]
    assert page.text("h2") == [
        "Protocol",
        "Scores of the test part",
        "Each class",
        "Confusion",
        "Each class against the rest",
        "Calibration",
    ]


@pytest.mark.parametrize("missing", ["metrics.json", "predictions/test.csv"])
def test_a_run_without_its_numbers_is_refused_and_leaves_no_report(tmp_path, missing, make_run):
    make_run(tmp_path, labels=LABELS, clips={"test": 8})
    (tmp_path / missing).unlink()
    with pytest.raises(UserError, match=missing):
        report.write_report(tmp_path, examples=[])
    assert not (tmp_path / "report").exists()


NASTY = ["<b>", "a&b", 'c"d', "e'f", "$x$", "_g"]


def test_names_are_shown_as_they_are(tmp_path, assessed_run, random_table, read_page):
    about = {"corpus": ["c&d"] * 120, "sex": ["<i>", "'m'"] * 60}
    table = random_table(NASTY, 120, 12, **about)
    assessed_run(tmp_path, NASTY, {"test": table})
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert [row[0] for row in page.tables["Scores of each class"][1:]] == NASTY
    assert page.tables["Confusion matrix"][0] == ["true", *NASTY]
    assert sorted(page.tables["Scores by sex"][0][1:3]) == ["'m'", "<i>"]
    assert page.all("b") + page.all("i") == []


@pytest.mark.parametrize("present", [["happy"], ["happy", "sad"]], ids=["one clip", "one clip a class"])
def test_a_run_of_hardly_any_clips(tmp_path, assessed_run, table_of, read_page, present):
    truth = [LABELS.index(label) for label in present]
    table = table_of([[0.1, 0.2, 0.3, 0.4]] * len(truth), truth, LABELS)
    assessed_run(tmp_path, LABELS, {"test": table})
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert [row[1] for row in page.tables["Reliability after"][1:]] == [str(len(present))]
    assert "one speaker gives no interval" in page.words()
    assert ("There is no curve" in page.words()) == (len(present) == 1)
    assert "No clip has a confidence of 0.5 or more." in page.words()
    assert page.tables["Risk and coverage by threshold"][1] == ["any", str(len(present)), "1.000", "1.000"]
    assert "Speakers and groups" not in page.text("h2")


def test_a_part_without_mistakes_is_answered_at_no_risk(tmp_path, assessed_run, table_of, read_page):
    truth = [0, 1, 2, 3] * 3
    table = table_of(np.eye(4)[truth], truth, LABELS)
    assessed_run(tmp_path, LABELS, {"test": table})
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert {tuple(row[1:]) for row in page.tables["Risk and coverage by threshold"][1:]} == {("12", "1.000", "0.000")}
    assert "a confidence of 0.9 or more has a risk of 0.000, and answers 12 of 12." in page.words()
    assert "Choose a threshold by the val part" not in page.words()


def test_a_stack_is_not_said_to_be_calibrated(tmp_path, assessed_run, random_table, read_page):
    metrics = assessed_run(tmp_path, LABELS, {"test": random_table(LABELS, 80, 4)})
    metrics["calibration"] |= {"temperature": 1.0, "fitted_on": None}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert "its largest probability, which no temperature has calibrated here;" in page.words()


def test_metrics_of_an_older_run_lack_what_is_new(tmp_path, make_run, read_page):
    metrics = make_run(tmp_path, labels=LABELS, clips={"val": 4, "test": 8})
    old = ("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "auroc", "clips", "confusion", "per_class")
    for part in ("val", "test"):
        metrics[part] = {key: metrics[part][key] for key in old}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    page = read_page(report.write_report(tmp_path, examples=[]))
    names = ["balanced accuracy (UAR)", "accuracy", "macro F1", "weighted F1", "AUROC (one vs rest)", "clips"]
    assert [row[0] for row in page.tables["Scores of all parts"][1:]] == names
    assert "Calibration before and after the temperature" not in page.tables
    assert not (tmp_path / "report" / "reliability_before.png").exists()
    assert "Answering only when sure" not in page.text("h2")
    assert not (tmp_path / "report" / "risk_coverage.png").exists()


def test_few_speakers_are_told_one_by_one(tmp_path, assessed_run, random_table, read_page):
    metrics = assessed_run(tmp_path, LABELS, {"test": random_table(LABELS, 80, 4)})
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert f"There are no intervals: {metrics['test']['intervals']['reason']}." in page.words()
    assert page.all("span") == [{"class": "small"}] * 3  # of the losses: no interval anywhere
    rows = page.tables["Scores of each speaker"][1:]
    values = metrics["test"]["groups"]["speaker"]["values"]
    assert {row[0]: row[2] for row in rows} == {
        name: shown(one["scores"]["balanced_accuracy"]) for name, one in values.items()
    }
    assert len(page.all("details")) == 6
    assert [values for values in page.all("details") if "open" in values] == [{"open": ""}]


@pytest.mark.slow
def test_the_largest_page_stays_below_five_megabytes(tmp_path, assessed_run, random_table, read_page, example):
    labels = [f"an emotion {index}" for index in range(30)]
    corpus = [f"corpus {index % 6}" for index in range(2000)]
    assessed_run(tmp_path, labels, {"test": random_table(labels, 2000, 96, corpus=corpus)})
    columns = ["epoch", "train_loss", "lr", *(f"val_recall_{label}" for label in labels)]
    rows = [",".join(map(str, [epoch, 1 / epoch, 0.1, *(0.1 * (epoch % 7),) * 30])) for epoch in range(1, 201)]
    (tmp_path / "log.csv").write_text("\n".join([",".join(columns), *rows]), encoding="utf-8")
    clips = [example(f"long{index}", "sad", "happy", seconds=30) for index in range(12)]
    path = report.write_report(tmp_path, examples=clips)
    page = read_page(path)
    assert 3_000_000 < path.stat().st_size < 5_000_000
    assert len(page.all("img")) == 10 + 3 + 12
    assert len(page.tables["Scores of each speaker"]) == 1 + 96
    assert page.text("p.soft").count("30 s, too long to be put on the page.") == 12 - len(page.all("audio")) > 0


DAMAGED = [
    ("metrics.json", "{", "cannot be read"),
    ("metrics.json", "{}", "labels is missing; protocol is missing"),
    ("config.yaml", "", "it is no mapping"),
    ("config.yaml", "model: resnet18", "config.model is no mapping"),
    ("leaks.json", "[]", "leaks is no mapping"),
    ("leaks.json", '{"shared": {"speakers": {}, "audio": 3}}', "leaks.shared.audio is no mapping"),
    ("log.csv", "", "cannot be read"),
    ("log.csv", "epoch,train_loss\n1,low\n", "cannot be read"),
    ("log.csv", "train_loss\n0.5\n", "must have a column epoch"),
    ("predictions/test.csv", "", "cannot be read"),
    ("predictions/test.csv", "label,prediction\nsad,sad\n", "has no column clip"),
]


@pytest.mark.parametrize(("file", "text", "why"), DAMAGED)
def test_a_damaged_file_is_told_of_and_leaves_no_report(tmp_path, make_run, file, text, why):
    make_run(tmp_path, labels=LABELS, clips={"test": 8})
    (tmp_path / file).write_text(text)
    with pytest.raises(UserError) as told:
        report.write_report(tmp_path, examples=[])
    [problem] = told.value.problems
    assert str(tmp_path / file) in problem
    assert why in problem
    assert not (tmp_path / "report").exists()


def test_scores_of_another_shape_are_told_of(tmp_path, make_run):
    metrics = make_run(tmp_path, labels=LABELS, clips={"val": 4, "test": 8})
    del metrics["test"]["confusion"], metrics["test"]["per_class"]["sad"], metrics["val"]["clips"]
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    with pytest.raises(
        UserError, match=r"test\.confusion is missing; test\.per_class\.sad is missing; val\.clips is miss"
    ):
        report.write_report(tmp_path, examples=[])


@pytest.mark.parametrize(
    ("abstention", "why"),
    [
        ([], "test.abstention is no mapping"),
        ({"risk": 0.5, "aurc": 0.1, "thresholds": []}, "test.abstention.excess_aurc is missing"),
        (
            {"risk": 0.5, "aurc": 0.1, "excess_aurc": 0.1, "thresholds": [{"threshold": 0.5, "risk": "low"}]},
            "test.abstention.thresholds.0.coverage is missing; test.abstention.thresholds.0.risk is no number; ",
        ),
    ],
)
def test_abstention_of_another_shape_is_told_of(tmp_path, make_run, abstention, why):
    metrics = make_run(tmp_path, labels=LABELS, clips={"test": 8})
    metrics["test"]["abstention"] = abstention
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    with pytest.raises(UserError) as told:
        report.write_report(tmp_path, examples=[])
    assert why in str(told.value)


def test_a_run_in_a_folder_of_any_name_is_shown(tmp_path, make_run, read_page):
    """Brackets and stars are patterns to some readers of CSV files."""
    folder = tmp_path / "[1] *?" / "lr=0.1"
    make_run(folder, labels=LABELS, clips={"test": 8})
    page = read_page(report.write_report(folder, examples=[]))
    assert sum(int(row[1]) for row in page.tables["Reliability after"][1:]) == 8
    assert "The checkpoint is of epoch 2," in page.words()


CAPTIONS = [
    ("name: a\nmodel: {backbone: b}\n", "All parts, under the checkpoint that was kept, without augmentation."),
    ("name: a\nmeta: logistic\n", "All parts. A stack has no checkpoint; the notes say what predicted each part."),
    ("name: a\n", "All parts."),
]


@pytest.mark.parametrize(("config", "caption"), CAPTIONS, ids=["trained", "stack", "not known"])
def test_the_table_of_parts_says_what_its_scores_are_of(tmp_path, make_run, read_page, config, caption):
    make_run(tmp_path, labels=LABELS, clips={"val": 4, "test": 8})
    (tmp_path / "config.yaml").write_text(config)
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert page.text("caption")[0] == caption


def test_one_part_has_its_tiles_and_no_table_of_all_parts(tmp_path, make_run, read_page):
    metrics = make_run(tmp_path, labels=LABELS, clips={"test": 8})
    page = read_page(report.write_report(tmp_path, examples=[]))
    assert "Scores of all parts" not in page.tables
    assert page.text("dt").count("accuracy") == 1
    assert shown(metrics["test"]["accuracy"]) in page.text("dd")
