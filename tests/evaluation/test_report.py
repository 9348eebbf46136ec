"""The page says what the files say, asks nobody for anything, and survives the poorest run."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile

from ser_lightning.errors import UserError
from ser_lightning.evaluation import report
from ser_lightning.evaluation.examples import Example

KINDS = {
    "balanced accuracy": "balanced_accuracy",
    "accuracy": "accuracy",
    "macro F1": "macro_f1",
    "weighted F1": "weighted_f1",
    "AUROC": "auroc",
}
NASTY = "table/sp&1/<b>\"quoted\"</b> 'clip'"


class Page(HTMLParser):
    """What a reader of the page gets: tables by name, texts by tag and class, and every address in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: list[tuple[str, str]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._region = ""
        self._open = ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append((tag, values))
        self._open = f"{tag}.{values['class']}" if values.get("class") else tag
        if values.get("role") == "region":
            self._region = values["aria-label"]
            self.tables[self._region] = []
        if tag == "tr":
            self.tables[self._region].append([])
        if tag in ("td", "th"):
            self.tables[self._region][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open.split(".")[0] in ("td", "th"):
            self.tables[self._region][-1][-1] += data
        self.texts.append((self._open, " ".join(data.split())))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [values for name, values in self.tags if name == tag]

    def text(self, opened: str) -> list[str]:
        return [text for name, text in self.texts if name == opened and text]

    def words(self) -> str:
        return " ".join(text for name, text in self.texts if name != "style")


def scores(counts: dict[str, int], seed: int) -> dict[str, Any]:
    """One part of metrics.json with numbers that all differ, None where a class has no clips."""
    random = np.random.default_rng(seed)
    keys = ("precision", "recall", "f1", "auroc")
    per_class: dict[str, dict[str, Any]] = {
        label: dict(zip(keys, random.random(4).tolist(), strict=True)) | {"support": count}
        for label, count in counts.items()
    }
    for row in per_class.values():
        row.update({} if row["support"] else {"recall": None, "auroc": None})
    part = dict(zip(KINDS.values(), random.random(len(KINDS)).tolist(), strict=True))
    part["auroc"] = part["auroc"] if sum(map(bool, counts.values())) > 1 else None
    confusion = [random.multinomial(count, [1 / len(counts)] * len(counts)).tolist() for count in counts.values()]
    return part | {"clips": sum(counts.values()), "confusion": confusion, "per_class": per_class}


def predictions(num_clips: int, labels: list[str], present: list[str], seed: int) -> pl.DataFrame:
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(len(labels)), num_clips)
    columns = {
        "clip": [f"table/{seed}/{index}" for index in range(num_clips)],
        "speaker": [f"{index:02}" for index in range(num_clips - 1)] + ["YAF"],
        "label": [present[index % len(present)] for index in range(num_clips)],
        "prediction": np.array(labels)[probabilities.argmax(axis=1)],
    }
    return pl.DataFrame(columns | {f"p_{label}": probabilities[:, i] for i, label in enumerate(labels)})


LOG = """epoch,train_loss,train_balanced_accuracy,val_loss,val_accuracy,val_balanced_accuracy,val_recall_sad,lr
1,1.9,0.2,1.8,0.2,0.31,,0.001
2,1.2,0.5,1.1,0.4,0.62,,0.0005
3,0.9,0.6,1.2,0.4,0.58,,0.0001
"""


def make_run(
    folder: Path,
    *,
    labels: list[str],
    clips: dict[str, int],
    present: list[str] | None = None,
    log: str = LOG,
    **protocol: Any,
) -> dict[str, Any]:
    """A finished run's files; returns its metrics.json."""
    (folder / "predictions").mkdir(parents=True)
    metrics: dict[str, Any] = {"labels": labels}
    for seed, (part, num_clips) in enumerate(clips.items()):
        table = predictions(num_clips, labels, present or labels, seed)
        table.write_csv(folder / "predictions" / f"{part}.csv")
        metrics[part] = scores({label: table["label"].to_list().count(label) for label in labels}, seed)
    metrics["protocol"] = {
        "sentence": "TABLE (3 speakers), speakers shared: random split.",
        "corpora": ["table"],
        "label_set": "paper7",
        "labels": labels,
        "merged": {"neutral -> calm": 417},
        "dropped": {"boredom": 81},
        "split": "random",
        "split_seed": 23,
        "split_fold": None,
        "split_folds": None,
        "parts": {part: {"clips": num_clips, "speakers": 3} for part, num_clips in clips.items()},
        "shared_speakers": {"train_val": 3, "train_test": 3, "val_test": 3},
        "shared_audio": {"train_val": 0, "train_test": 0, "val_test": 0},
        "speaker_disjoint": False,
        "speakers_known": True,
        "notes": ["Two clips of YAF & OAF are <odd>."],
    } | protocol
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (folder / "log.csv").write_text(log, encoding="utf-8")
    config = "name: my <run>\nseed: 7\nmodel:\n  backbone: resnet18\ntrainer:\n  max_epochs: 3\n"
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    return metrics


def example(clip: str, label: str, prediction: str, *, seconds: float = 0.3) -> Example:
    random = np.random.default_rng(len(clip))
    wave = random.integers(-32768, 32768, int(seconds * 16000), dtype=np.int16)
    return Example(clip, label, prediction, 0.875, wave, 16000, random.normal(size=(16, 30)).astype(np.float32))


LABELS = ["angry", "happy", "sad", "calm"]
EXAMPLES = [example(NASTY, "sad", "happy"), example("table/1/7", "calm", "calm")]


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> tuple[Page, dict[str, Any], Path]:
    run = tmp_path_factory.mktemp("finished") / "run"
    metrics = make_run(run, labels=LABELS, clips={"train": 130, "val": 20, "test": 33})
    path = report.write_report(run, examples=EXAMPLES)
    assert path == run / "report" / "index.html"
    return Page(path), metrics, run


def shown(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"


def test_the_score_table_equals_metrics_json(finished):
    page, metrics, _ = finished
    parts = ["train", "val", "test"]
    expected = [["score", *parts]]
    expected += [[name, *(shown(metrics[part][key]) for part in parts)] for name, key in KINDS.items()]
    expected += [["clips", "130", "20", "33"]]
    assert page.tables["Scores of all parts"] == expected


def test_the_tiles_are_the_test_scores(finished):
    page, metrics, _ = finished
    keys = ["balanced_accuracy", "accuracy", "macro_f1", "auroc"]
    values = [text for text in page.text("dd") if re.fullmatch(r"0\.\d{3}", text)]
    assert values == [shown(metrics["test"][key]) for key in keys]


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
    assert len(addresses) == 1 + 5 + 2 + 2  # icon, charts, log-mels, sounds
    assert [address[:40] for address in addresses if not address.startswith("data:")] == []
    assert re.findall(r"https?://|@import|url\(|<script", page.source) == []
    policy = [values["content"] for values in page.all("meta") if "http-equiv" in values]
    assert policy == ["default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"]


def test_pictures_on_the_page_are_the_files_beside_it(finished):
    page, _, run = finished
    files = {path.name: path.read_bytes() for path in (run / "report").iterdir() if path.suffix == ".png"}
    names = ["balanced_accuracy", "confusion", "example_1", "example_2", "loss", "recall", "roc"]
    assert sorted(files) == [f"{name}.png" for name in names]
    inline = [base64.b64decode(values["src"].partition("base64,")[2]) for values in page.all("img")]
    assert sorted(inline) == sorted(files.values())
    assert sorted(path.name for path in (run / "report").iterdir() if path.suffix != ".png") == ["index.html"]


def test_the_sound_on_the_page_is_the_clip_sample_for_sample(finished):
    page, _, _ = finished
    sounds = [values["src"].removeprefix("data:audio/flac;base64,") for values in page.all("audio")]
    assert len(sounds) == len(EXAMPLES)
    for sound, clip in zip(sounds, EXAMPLES, strict=True):
        wave, rate = soundfile.read(io.BytesIO(base64.b64decode(sound)), dtype="int16")
        np.testing.assert_array_equal(wave, clip.wave)
        assert rate == clip.sample_rate


def test_examples_name_truth_prediction_and_probability_and_escape_the_clip(finished):
    page, _, _ = finished
    words = page.words()
    assert "sad , taken for happy , probability 0.875" in words
    assert page.text("span.clip") == [NASTY, "table/1/7"]
    assert [values["aria-label"] for values in page.all("audio")] == [f"Play {NASTY}", "Play table/1/7"]
    assert page.all("b") == []


def test_every_picture_has_a_text_and_every_header_a_scope(finished):
    page, _, _ = finished
    assert [values for values in page.all("img") if not values["alt"]] == []
    assert len(page.all("th")) == 4 + 6 + 6 + 4 + 5 + 4
    assert {values["scope"] for values in page.all("th")} == {"row", "col"}


def test_writing_again_gives_the_same_bytes(finished):
    _, _, run = finished
    before = {path.name: path.read_bytes() for path in (run / "report").iterdir()}
    report.write_report(run, examples=EXAMPLES)
    assert {path.name: path.read_bytes() for path in (run / "report").iterdir()} == before


def test_a_debug_run_with_an_absent_class_and_one_epoch(tmp_path):
    metrics = make_run(
        tmp_path / "run",
        labels=LABELS,
        present=["angry", "sad", "calm"],
        clips={"train": 6, "val": 3, "test": 4},
        log="".join(LOG.splitlines(keepends=True)[:2]),
    )
    page = Page(report.write_report(tmp_path / "run", examples=[]))
    happy = next(row for row in page.tables["Scores of each class"] if row[0] == "happy")
    precision, f1 = (metrics["test"]["per_class"]["happy"][key] for key in ("precision", "f1"))
    assert happy == ["happy", "—", shown(precision), shown(f1), "—", "0"]
    assert "A dash stands where a score is undefined" in page.words()
    assert "The checkpoint is of epoch 1," in page.words()
    assert page.all("audio") == []


def test_two_classes_without_a_val_part(tmp_path):
    labels = ["neutral", "sad"]
    log = "epoch,train_loss,train_balanced_accuracy,val_loss,val_balanced_accuracy\n1,0.7,0.5,,\n2,0.6,0.6,,\n"
    metrics = make_run(tmp_path / "run", labels=labels, clips={"train": 9, "test": 5}, log=log)
    page = Page(report.write_report(tmp_path / "run", examples=[]))
    assert page.tables["Scores of all parts"][0] == ["score", "train", "test"]
    assert page.tables["Scores of all parts"][5][2] == shown(metrics["test"]["auroc"])
    assert "There is no val part, so no epoch was chosen by it." in page.words()


def test_a_part_of_one_class_has_no_roc_curve(tmp_path):
    make_run(tmp_path / "run", labels=LABELS, present=["sad"], clips={"train": 5, "val": 2, "test": 2})
    page = Page(report.write_report(tmp_path / "run", examples=[]))
    assert page.tables["Scores of all parts"][5] == ["AUROC", "—", "—", "—"]
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
def test_the_warning_says_which_scores_shared_speakers_flatter(tmp_path, shared, warning):
    disjoint = not any(shared.values())
    parts = {"train": 5, "test": 4}
    make_run(tmp_path, labels=LABELS, clips=parts, shared_speakers=shared, speaker_disjoint=disjoint)
    page = Page(report.write_report(tmp_path, examples=[]))
    assert [text.split(", ")[1] for text in page.text("strong")] == warning
    assert ("No speaker is in two parts." in page.words()) == disjoint


def test_unknown_speakers_are_told_and_never_called_disjoint(tmp_path):
    nobody = {"train_val": 0, "train_test": 0, "val_test": 0}
    make_run(tmp_path, labels=LABELS, clips={"test": 8}, shared_speakers=nobody, speakers_known=False)
    page = Page(report.write_report(tmp_path, examples=[]))
    assert page.text("strong") == ["The speakers of some clips are not known."]
    assert "No speaker is in two parts." not in page.words()


def test_shared_recordings_are_warned_of(tmp_path):
    shared = {"train_val": 0, "train_test": 17, "val_test": 0}
    make_run(tmp_path, labels=LABELS, clips={"test": 8}, shared_audio=shared)
    page = Page(report.write_report(tmp_path, examples=[]))
    assert page.text("strong")[-1] == "Recordings are shared between parts, so these scores are too high."
    assert "train/val 0, train/test 17, val/test 0." in page.words()


def test_what_parts_share_is_a_table_where_the_run_has_looked(tmp_path):
    make_run(tmp_path, labels=LABELS, clips={"test": 8}, split_fold=2, split_folds=5)
    kinds = {"speakers": [3, 4, 5], "near_identical_audio": [0, 17, 0]}
    pairs = ("train_val", "train_test", "val_test")
    shared = {kind: dict(zip(pairs, counts, strict=True)) for kind, counts in kinds.items()}
    (tmp_path / "leaks.json").write_text(json.dumps({"policy": "warn", "shared": shared}), encoding="utf-8")
    words = " ".join(Page(report.write_report(tmp_path, examples=[])).words().split())
    assert "train/val train/test val/test speakers 3 4 5 near identical audio 0 17 0" in words
    assert "random, fold 2 of 5, seed 23" in words


def test_long_clips_do_not_swell_the_page(tmp_path):
    make_run(tmp_path, labels=LABELS, clips={"test": 8})
    clips = [example(f"long{index}", "sad", "sad", seconds=25) for index in range(3)]
    path = report.write_report(tmp_path, examples=[*clips, EXAMPLES[0]])
    page = Page(path)
    assert path.stat().st_size < 3_000_000
    assert [values["aria-label"] for values in page.all("audio")] == [f"Play {NASTY}", "Play long0"]
    assert page.text("p.soft").count("25 s, too long to be put on the page.") == 2


def test_without_log_and_config_the_page_goes_by_the_folders_name(tmp_path):
    make_run(tmp_path / "night", labels=LABELS, clips={"test": 8})
    (tmp_path / "night" / "log.csv").unlink()
    (tmp_path / "night" / "config.yaml").unlink()
    page = Page(report.write_report(tmp_path / "night", examples=[]))
    assert page.text("h1") == ["night"]
    assert page.text("h2") == [
        "Protocol",
        "Scores of the test part",
        "Each class",
        "Confusion",
        "ROC, each class against the rest",
    ]


@pytest.mark.parametrize("missing", ["metrics.json", "predictions/test.csv"])
def test_a_run_without_its_numbers_is_refused_and_leaves_no_report(tmp_path, missing):
    make_run(tmp_path, labels=LABELS, clips={"test": 8})
    (tmp_path / missing).unlink()
    with pytest.raises(UserError, match=missing):
        report.write_report(tmp_path, examples=[])
    assert not (tmp_path / "report").exists()
