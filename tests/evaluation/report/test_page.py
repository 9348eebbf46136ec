"""The page says what the files say, and asks nobody for anything."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
import sklearn.metrics
import soundfile

from ser_lightning.evaluation import report
from ser_lightning.evaluation.scores import NAMES

KINDS = {name: key for key, name in NAMES.items() if key not in ("cross_entropy", "js_divergence")}
LABELS = ["angry", "happy", "sad", "calm"]


def shown(value: float | None, interval: Sequence[float] | None = None) -> str:
    around = "" if interval is None else f" [{interval[0]:.3f}, {interval[1]:.3f}]"
    return "—" if value is None else f"{value:.3f}{around}"


def of_part(scored: dict[str, Any], key: str) -> str:
    """A score of a part, or of a group, with its interval as it must be on the page."""
    values, intervals = scored.get("scores", scored), scored.get("intervals", {})
    return shown(values[key], intervals.get("scores", intervals).get(key))


def test_the_score_table_equals_metrics_json_with_the_intervals_of_val_and_test(finished):
    page, metrics, _ = finished
    parts = ["train", "val", "test"]
    expected = [["score", *parts]]
    expected += [[name, *(of_part(metrics[part], key) for part in parts)] for name, key in KINDS.items()]
    expected += [["clips", "130", "20", "33"]]
    assert page.tables["Scores of all parts"] == expected
    assert [row[1].count("[") for row in expected[1:-1]] == [0] * len(KINDS)
    assert [row[3].count("[") for row in expected[1:-1]] == [1] * len(KINDS)


def test_the_tiles_are_the_test_scores_and_their_intervals(finished):
    page, metrics, _ = finished
    values = [text for text in page.text("dd") if re.fullmatch(r"0\.\d{3}", text)]
    assert values == [shown(metrics["test"][key]) for key in KINDS.values()]
    around = [f"{value} {text}" for value, text in zip(values, page.text("dd.around"), strict=True)]
    assert around == [of_part(metrics["test"], key) for key in KINDS.values()]
    assert "the 95 % interval over the 24 speakers (bootstrap)" in page.words()


def test_the_tables_of_groups_equal_metrics_json(finished):
    page, metrics, _ = finished
    groups = metrics["test"]["groups"]
    assert list(groups) == ["sex", "intensity", "speaker"]
    for grouping in ("sex", "intensity"):
        values, gaps = groups[grouping]["values"], groups[grouping]["gaps"]
        expected = [["score", *values, "gap", "highest, lowest"]]
        for name, key in KINDS.items():
            gap = gaps.get(key)
            told = ["—", ""] if gap is None else [shown(gap["gap"], gap["interval"]), f"{gap['high']}, {gap['low']}"]
            expected.append([name, *(of_part(group, key) for group in values.values()), *told])
        expected.append(["clips", *(str(group["clips"]) for group in values.values()), "", ""])
        expected.append(["speakers", *(str(group["speakers"]) for group in values.values()), "", ""])
        assert page.tables[f"Scores by {grouping}"] == expected
        assert f"No interval of a gap: {grouping} <has> few." in page.words()


def test_the_table_of_speakers_equals_metrics_json_the_best_first(finished):
    page, metrics, _ = finished
    values = metrics["test"]["groups"]["speaker"]["values"]
    ranked = sorted(values, key=lambda name: -values[name]["scores"]["balanced_accuracy"])
    expected = [["speaker", "clips", *KINDS]]
    for name in ranked:
        scored = values[name]
        expected.append([name, str(scored["clips"]), *(shown(scored["scores"][key]) for key in KINDS.values())])
    assert page.tables["Scores of each speaker"] == expected
    assert f"Best {ranked[0]}, worst {ranked[-1]}." in page.words()


def test_calibration_before_and_after_equals_metrics_json(finished):
    page, metrics, _ = finished
    before = metrics["calibration"]["before"]["test"]
    rows = [
        [name, of_part(before, key), of_part(metrics["test"], key)]
        for name, key in KINDS.items()
        if key in before["scores"]
    ]
    assert len(rows) == 3
    assert page.tables["Calibration before and after the temperature"][1:] == rows
    assert "one temperature, 1.700, fitted on the val part" in page.words()


def test_risk_and_coverage_equal_metrics_json(finished):
    page, metrics, _ = finished
    told = metrics["test"]["abstention"]
    rows = [
        [f"{row['threshold']} or more", str(row["answered"]), shown(row["coverage"]), shown(row["risk"])]
        for row in told["thresholds"]
    ]
    assert page.tables["Risk and coverage by threshold"] == [
        ["confidence", "answered", "coverage", "risk"],
        ["any", "33", "1.000", shown(told["risk"])],
        *rows,
    ]
    half = shown(told["thresholds"][1]["risk"])
    words = page.words()
    assert f"a confidence of 0.75 or more has a risk of {half}, and answers 17 of 33." in words
    assert f"is {shown(told['aurc'])}, against {shown(told['risk'])} where clips are left out at random" in words
    assert f"allow {shown(told['aurc'] - told['excess_aurc'])} at best" in words
    assert "calibrated by the temperature that was fitted on the val part" in words
    assert "Choose a threshold by the val part" in words


def test_the_bins_after_the_temperature_are_those_of_the_predictions(finished):
    page, _, run = finished
    table = pl.read_csv(run / "predictions" / "test.csv", infer_schema_length=None)
    clips = sum(int(row[1]) for row in page.tables["Reliability after"][1:])
    right = sum(int(row[1]) * float(row[3]) for row in page.tables["Reliability after"][1:])
    assert clips == len(table)
    assert right == pytest.approx((table["label"] == table["prediction"]).sum(), abs=0.02)
    sure = [float(row[2]) for when in ("before", "after") for row in page.tables[f"Reliability {when}"][-1:]]
    assert sure[0] > sure[1]  # the temperature takes confidence away


def test_average_precisions_on_the_page_are_scikit_learns(finished):
    page, _, run = finished
    table = pl.read_csv(run / "predictions" / "test.csv", infer_schema_length=None)
    expected = []
    for label in LABELS:
        truth = (table["label"] == label).to_numpy()
        precision = sklearn.metrics.average_precision_score(truth, table[f"p_{label}"].to_numpy())
        expected.append([label, shown(precision), shown(truth.mean())])
    assert page.tables["Average precision of each class"][1:] == expected


def test_the_class_table_and_the_confusion_table_equal_metrics_json(finished):
    page, metrics, _ = finished
    keys = ["recall", "precision", "f1", "auroc"]
    rows = [
        [label, *(shown(row[key]) for key in keys), str(row["support"])]
        for label, row in metrics["test"]["per_class"].items()
    ]
    assert page.tables["Scores of each class"][1:] == rows
    counts = [[label, *map(str, row)] for label, row in zip(LABELS, metrics["test"]["confusion"], strict=True)]
    assert page.tables["Confusion matrix"] == [["true", *LABELS], *counts]
    shares = [[shown(count / sum(row)) for count in row] for row in metrics["test"]["confusion"]]
    assert [row[1:] for row in page.tables["Confusion matrix, shares of the row"][1:]] == shares


def test_the_protocol_stands_before_the_scores_with_its_warning_and_its_notes(finished):
    page, metrics, _ = finished
    words = page.words()
    told = [metrics["protocol"]["sentence"], "neutral -> calm (417 clips)", "boredom (81 clips)", "random, seed 23"]
    told += ["Two clips of YAF & OAF are <odd>.", "130 clips, 3 speakers", "train/test 3"]
    first_score = words.index(shown(metrics["test"]["balanced_accuracy"]), words.index("Protocol"))
    assert [text for text in told if text not in words[:first_score]] == []
    assert page.text("strong")[0] == "Speakers are shared between parts, so these scores are optimistic."


def test_the_best_epoch_and_the_settings_are_told(finished):
    page, _, _ = finished
    assert (
        "The checkpoint is of epoch 2, where the balanced accuracy of the val part was highest: 0.620." in page.words()
    )
    assert page.text("h1") == ["my <run>"]
    assert page.text("dd")[:3] == ["resnet18", "3", "7"]


def test_nothing_on_the_page_asks_for_anything(finished):
    page, _, _ = finished
    addresses = [values[name] for _, values in page.tags for name in ("src", "href", "srcset") if name in values]
    assert len(addresses) == 1 + 13 + 2 + 2  # icon, charts, log-mels, sounds
    assert [address[:40] for address in addresses if not address.startswith("data:")] == []
    assert re.findall(r"https?://|@import|url\(|<script", page.source) == []
    policy = [values["content"] for values in page.all("meta") if "http-equiv" in values]
    assert policy == ["default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"]


def test_pictures_on_the_page_are_the_files_beside_it(finished):
    page, _, run = finished
    files = {path.name: path.read_bytes() for path in (run / "report").iterdir() if path.suffix == ".png"}
    names = {"recall", "confusion", "confusion_normalised", "roc", "precision_recall", "speakers", "loss"}
    names |= {
        "risk_coverage",
        "reliability_before",
        "reliability_after",
        "balanced_accuracy",
        "learning_rate",
        "epoch_recall",
    }
    assert set(files) == {f"{name}.png" for name in names | {"example_1", "example_2"}}
    inline = [base64.b64decode(values["src"].partition("base64,")[2]) for values in page.all("img")]
    assert sorted(inline) == sorted(files.values())
    assert sorted(path.name for path in (run / "report").iterdir() if path.suffix != ".png") == ["index.html"]


def test_the_sound_on_the_page_is_the_clip_sample_for_sample(finished, finished_examples):
    page, _, _ = finished
    sounds = [values["src"].removeprefix("data:audio/flac;base64,") for values in page.all("audio")]
    assert len(sounds) == len(finished_examples)
    for sound, clip in zip(sounds, finished_examples, strict=True):
        wave, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)), dtype="int16")
        np.testing.assert_array_equal(wave, clip.wave)
        assert rate == clip.sample_rate


def test_examples_name_truth_prediction_and_probability_and_escape_the_clip(finished, finished_examples):
    nasty = finished_examples[0].clip
    assert set("<>&\"'") <= set(nasty)
    page, _, _ = finished
    words = page.words()
    assert "sad , taken for happy probability 0.875 of happy, 0.062 of sad worst most confident" in " ".join(
        words.split()
    )
    assert page.text("span.clip") == [nasty, "table/1/7"]
    assert [values["aria-label"] for values in page.all("audio")] == [f"Play {nasty}", "Play table/1/7"]
    assert page.all("b") == []
    assert page.text("span.chip") == ["worst", "most confident"]
    assert "Grad-CAM, Selvaraju et al. 2017, of <one> window" in words


def test_every_picture_has_a_text_and_every_header_a_scope(finished):
    page, _, _ = finished
    assert [values for values in page.all("img") if not values["alt"]] == []
    cells = [row for table in page.tables.values() for row in table]
    assert len(page.all("th")) == sum(len(table[0]) + len(table) - 1 for table in page.tables.values())
    assert len(cells) > 80
    assert {values["scope"] for values in page.all("th")} == {"row", "col"}


def test_writing_again_gives_the_same_bytes(finished, finished_examples):
    _, _, run = finished
    before = {path.name: path.read_bytes() for path in (run / "report").iterdir()}
    report.write_report(run, examples=finished_examples)
    assert {path.name: path.read_bytes() for path in (run / "report").iterdir()} == before
