"""`export` leaves files that say what the run says, with a card whose lines work; or it leaves nothing."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
import yaml
from safetensors import safe_open

from ser_lightning.data.audio import read_clip
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.export import export
from ser_lightning.exported.parity import as_wave
from ser_lightning.exported.programs import METADATA, onnx_session, run_onnx, run_torch
from ser_lightning.run_names import CHECKPOINT

P = ["p_angry", "p_sad", "p_neutral"]


@pytest.fixture(scope="module")
def exported(tiny_run, tmp_path_factory, run_job):
    """A run exported in every format, and what the command said."""
    run_dir = tmp_path_factory.mktemp("exported") / "run"
    shutil.copytree(tiny_run, run_dir)
    done = run_job(export, "export", [f"run={run_dir}", "format=both", "quantize=int8"])
    assert (done.code, done.err) == (0, "")
    return run_dir, done.out


@pytest.fixture
def copied(tiny_run, tmp_path):
    """A run of one's own to change, in a folder of the name that is given."""
    shutil.copytree(tiny_run, tmp_path / "run")
    return tmp_path / "run"


def left(run_dir):
    return sorted(path.name for path in run_dir.iterdir() if "export" in path.name)


@pytest.mark.parametrize(("name", "runner"), [("model.onnx", run_onnx), ("model.pt2", run_torch)])
def test_every_clip_of_the_test_part_gets_what_the_run_predicted(exported, tone_corpus, name, runner):
    run_dir, _ = exported
    saved = read_predictions(run_dir / "predictions" / "test.csv")
    run = runner(run_dir / "export" / name)
    files = [tone_corpus.parent / f"{clip.rsplit('/', 1)[1]}.wav" for clip in saved["clip"]]
    found = np.concatenate([run(as_wave(read_clip(file, 16000).samples[None])) for file in files])
    assert len(found) == 12
    np.testing.assert_allclose(found, saved.select(P).to_numpy(), atol=1e-4)


def test_what_was_compared_is_said_with_the_protocol(exported):
    run_dir, said = exported
    protocol = json.loads((run_dir / "metrics.json").read_text())["protocol"]["sentence"]
    assert f"protocol: {protocol}\n" in said
    assert re.search(r"model now and predictions/test\.csv differ by \d\.\de-\d+ at most, on 12 test clips\n", said)
    assert re.search(
        r"model\.onnx: \d\.\d MB, differs from the model by \d\.\de-\d+ at most \(allowed: 0\.0001\), on 12 test "
        r"clips, and of these stretches of 0\.3 s, 0\.4 s and 1\.04 s, 1 and 3 at a time\n",
        said,
    )
    assert re.search(r"model_int8\.onnx: 0\.\d MB, was \d\.\d; accuracy \S+, was \S+, on 12 test clips; differs", said)
    assert left(run_dir) == ["export"]
    assert sorted(path.name for path in (run_dir / "export").iterdir()) == [
        *("README.md", "config.json", "model.onnx", "model.pt2", "model.safetensors", "model_int8.onnx")
    ]


def test_the_file_says_what_it_is(exported):
    run_dir, _ = exported
    about = onnx_session(run_dir / "export" / "model.onnx").get_modelmeta().custom_metadata_map
    metrics = json.loads((run_dir / "metrics.json").read_text())
    recognizer = torch.load(run_dir / CHECKPOINT, weights_only=True)["recognizer"]
    assert json.loads(about["labels"]) == ["angry", "sad", "neutral"]
    assert (about["sample_rate"], float(about["window_seconds"])) == ("16000", 0.4)
    assert float(about["temperature"]) == recognizer["temperature"]
    assert json.loads(about["preprocessing"]) == recognizer["frontend"]
    assert about["protocol"] == metrics["protocol"]["sentence"]
    assert about["part"] == "test"
    scores = json.loads(about["scores"])
    assert scores["balanced_accuracy"] == {"value": metrics["test"]["balanced_accuracy"], "interval": None}
    extra = {METADATA: ""}
    torch.export.load(run_dir / "export" / "model.pt2", extra_files=extra)
    assert json.loads(extra[METADATA]) == about


def test_the_weights_and_their_description_are_those_of_the_checkpoint(exported):
    run_dir, _ = exported
    checkpoint = torch.load(run_dir / CHECKPOINT, weights_only=True)
    wanted = {k: v for k, v in checkpoint["state_dict"].items() if k.startswith(("network.", "frontend."))}
    with safe_open(run_dir / "export" / "model.safetensors", framework="pt") as file:
        assert set(file.keys()) == set(wanted)
        assert all(torch.equal(file.get_tensor(name), tensor) for name, tensor in wanted.items())
    config = json.loads((run_dir / "export" / "config.json").read_text())
    assert config["recognizer"] == checkpoint["recognizer"]
    assert set(config["files"]) == {"model.onnx", "model.pt2", "model_int8.onnx"}
    assert config["files"]["model.onnx"]["bytes"] == (run_dir / "export" / "model.onnx").stat().st_size
    assert config["files"]["model.onnx"]["largest_difference"] < 1e-4


@pytest.mark.slow
def test_the_lines_of_the_card_work(exported, tone_corpus, tmp_path):
    run_dir, _ = exported
    card = (run_dir / "export" / "README.md").read_text()
    saved = read_predictions(run_dir / "predictions" / "test.csv")
    clip = tone_corpus.parent / f"{saved['clip'][0].rsplit('/', 1)[1]}.wav"
    samples, rate = soundfile.read(clip)
    soundfile.write(tmp_path / "clip.wav", np.stack([samples, samples], axis=1), rate, subtype="FLOAT")
    for name in ("model.onnx", "model.pt2"):
        shutil.copy(run_dir / "export" / name, tmp_path)
    (tmp_path / "RUN").symlink_to(run_dir)
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(blocks) == 3
    said = [
        subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        for lines in blocks
    ]
    numbers = [[float(n) for n in re.findall(r"\d\.\d+(?:e-\d+)?", text)[:3]] for text in said]
    expected = saved.select(P).to_numpy()[0]
    for found in numbers:
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_the_card_has_every_score_of_the_run(exported):
    run_dir, _ = exported
    card = (run_dir / "export" / "README.md").read_text()
    metrics = json.loads((run_dir / "metrics.json").read_text())
    front = yaml.safe_load(card.split("---\n")[1])
    assert (front["library_name"], front["pipeline_tag"]) == ("ser_lightning", "audio-classification")
    measured = front["model-index"][0]["results"][0]
    assert measured["dataset"]["name"] == metrics["protocol"]["sentence"]
    assert {m["name"]: m["value"] for m in measured["metrics"]}["accuracy"] == round(metrics["test"]["accuracy"], 4)
    assert card.count(metrics["protocol"]["sentence"]) >= 2
    assert f"| balanced accuracy (UAR) | {metrics['test']['balanced_accuracy']:.3f} |" in card
    assert f"no intervals: {metrics['test']['intervals']['reason']}." in card
    for label, row in metrics["test"]["per_class"].items():
        assert f"| {label} | {row['precision']:.3f} | {row['recall']:.3f} |" in card
    for part in ("## Use", "## Scores", "### By class", "### By duration", "### Calibration", "## Limits", "## Data"):
        assert f"{part}\n" in card


@pytest.mark.parametrize("form", ["onnx", "torch"])
def test_a_file_that_differs_is_not_kept(copied, run_job, form):
    done = run_job(export, "export", [f"run={copied}", f"format={form}", "tolerance=1e-12"])
    assert done.code == 1
    assert re.search(r"differs from the model by \d\.\de-\d+ at most \(on .*\), more than tolerance=1e-12", done.err)
    assert left(copied) == []


def test_what_an_earlier_export_left_is_replaced_and_a_users_file_stays(copied, run_job):
    (copied / "export").mkdir()
    for name in ("model.pt2", "model_int8.onnx", "notes.txt"):
        (copied / "export" / name).write_text("old")
    done = run_job(export, "export", [f"run={copied}", "clips=2"])
    assert done.code == 0
    assert "removed: model.pt2, model_int8.onnx of an earlier export" in done.out
    names = sorted(path.name for path in (copied / "export").iterdir())
    assert names == ["README.md", "config.json", "model.onnx", "model.safetensors", "notes.txt"]
    refused = run_job(export, "export", [f"run={copied}", "tolerance=1e-12"])
    assert refused.code == 1
    assert sorted(path.name for path in (copied / "export").iterdir()) == names


def test_without_the_audio_sounds_are_made_up_and_that_is_said(copied, run_job):
    config = yaml.safe_load((copied / "config.yaml").read_text())
    config["corpus"]["root"] = str(copied / "gone" / "clips.csv")
    (copied / "config.yaml").write_text(yaml.safe_dump(config))
    done = run_job(export, "export", [f"run={copied}", "quantize=int8"])
    assert done.code == 0
    assert "note: the run's test clips are not at hand, sounds are made up instead: " in done.out
    assert "on made-up sounds: stretches of 0.3 s" in done.out
    assert "accuracy is not known without test clips" in done.out


def test_a_strangers_run_is_refused_and_nothing_of_it_runs(copied, run_job, tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save({"recognizer": Harm(), "state_dict": {}}, copied / CHECKPOINT)
    done = run_job(export, "export", [f"run={copied}"])
    assert (done.code, left(copied), (tmp_path / "harm").exists()) == (2, [], False)
    assert "is no checkpoint of plain values and tensors, it was not loaded" in done.err


def test_a_corpus_that_names_a_stranger_is_not_built(copied, run_job, tmp_path):
    config = yaml.safe_load((copied / "config.yaml").read_text())
    config["corpus"] = {"_target_": "os.system", "command": f"touch {tmp_path / 'harm'}"}
    (copied / "config.yaml").write_text(yaml.safe_dump(config))
    done = run_job(export, "export", [f"run={copied}"])
    assert (done.code, (tmp_path / "harm").exists()) == (0, False)
    assert "sounds are made up instead: the corpus in" in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run=nowhere"], "there is no such folder"),
        (["run={run}", "format=torch", "quantize=int8"], "quantize=int8 makes a second ONNX file"),
        (["run={run}", "format=tflite"], "format"),
        (["run={run}", "tolerance=0"], "tolerance"),
        (["run={run}", "push=alone"], "a repository is named user/name"),
        ([], "run"),
    ],
)
def test_a_mistake_is_one_message_and_code_2(tiny_run, run_job, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    done = run_job(export, "export", [argument.format(run=tiny_run) for argument in arguments])
    assert done.code == 2
    assert told in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_stack_and_the_files_of_another_run_are_refused(copied, run_job):
    metrics = json.loads((copied / "metrics.json").read_text())
    metrics["labels"] = ["angry", "neutral", "sad"]
    (copied / "metrics.json").write_text(json.dumps(metrics))
    done = run_job(export, "export", [f"run={copied}"])
    assert (done.code, left(copied)) == (2, [])
    (copied / "stack.json").write_text("{}")
    done = run_job(export, "export", [f"run={copied}"])
    assert done.code == 2
    assert "is a stack of several models" in done.err
