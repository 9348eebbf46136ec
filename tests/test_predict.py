"""The command gives each file the probabilities of its run, names what it cannot hear, and writes what it was asked."""

from __future__ import annotations

import csv
import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from ser_lightning import Recognizer
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.predict import predict
from ser_lightning.predicting import pcm

RATE = 16000
LABELS = ["p_angry", "p_sad", "p_neutral"]


@pytest.fixture
def ask(run_job, tiny_run, tmp_path, monkeypatch):
    """Run the command from an empty folder: `ask(*overrides)`."""
    monkeypatch.chdir(tmp_path)

    def run(*overrides):
        return run_job(predict, "predict", [f"run={tiny_run}", *overrides])

    return run


@pytest.fixture(scope="module")
def recognizer(tiny_run):
    return Recognizer.load(tiny_run, device="cpu")


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def long_recording(path, seconds=3.0):
    """Tones of three pitches, one after the other."""
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 400 + 600 * np.minimum(2, (3 * time / seconds).astype(int))
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE), RATE)


def test_the_test_part_gets_the_probabilities_of_the_run(ask, tiny_run, tone_corpus, tmp_path):
    saved = read_predictions(tiny_run / "predictions" / "test.csv")
    files = [tone_corpus.parent / f"{clip.rsplit('/', 1)[1]}.wav" for clip in saved["clip"]]
    done = ask(f"inputs=[{','.join(map(str, files))}]", "output=answers.csv")
    assert done.code == 0, done.err
    found = rows(tmp_path / "answers.csv")
    assert [row["path"] for row in found] == [str(file) for file in files]
    assert [row["label"] for row in found] == saved["prediction"].to_list()
    p = np.array([[float(row[label]) for label in LABELS] for row in found])
    np.testing.assert_allclose(p, saved.select(LABELS).to_numpy(), atol=1e-6)
    assert "protocol: table, label set native" in done.err
    assert "test balanced accuracy" in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv"]


def test_folders_and_patterns_are_gone_through_and_each_file_is_heard_once(ask, write_noise, tmp_path):
    names = ["a.wav", "sub/b.flac", "sub/deep/ü (1) [x],y.wav", "sub/.hidden.wav", ".git/c.wav", "sub/notes.txt"]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".txt"):
            (tmp_path / "in" / name).write_text("x")
        else:
            write_noise(tmp_path / "in" / name)
    done = ask("inputs=['in','in/a.wav','in/**/*.flac']", "output=answers.jsonl")
    assert done.code == 0, done.err
    found = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [row["path"] for row in found] == ["in/a.wav", "in/sub/b.flac", "in/sub/deep/ü (1) [x],y.wav"]
    assert all(row["warnings"].startswith("it lasts only 0.20 s") for row in found)
    assert "ü (1) [x],y.wav" in done.out


def test_what_cannot_be_heard_is_named_and_the_others_are_answered(ask, write_noise, tmp_path):
    write_noise(tmp_path / "good.wav")
    (tmp_path / "text.wav").write_text("buy milk")
    (tmp_path / "empty.wav").write_bytes(b"")
    done = ask("inputs=[text.wav,good.wav,empty.wav]", "output=answers.csv", "segments=labels")
    assert done.code == 1
    assert "2 of 3 files could not be heard; the others were answered" in done.err
    found = {row["path"]: row for row in rows(tmp_path / "answers.csv")}
    assert found["empty.wav"]["error"] == "is empty (0 bytes)"
    assert found["empty.wav"]["label"] == found["empty.wav"]["p_sad"] == ""
    assert "it is text that begins with 'buy milk'" in found["text.wav"]["error"]
    assert found["good.wav"]["error"] == ""
    assert float(found["good.wav"]["p_sad"]) > 0
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == ["good.txt"]


def test_segments_cover_a_recording_and_change_where_it_does(ask, tmp_path, recognizer):
    long_recording(tmp_path / "talk.wav")
    assert ask("inputs=talk.wav", "segments=talk.txt").code == 0
    lines = [line.split("\t") for line in (tmp_path / "talk.txt").read_text().splitlines()]
    assert lines[0][0] == "0.000000"
    assert lines[-1][1] == "3.000000"
    assert [line[0] for line in lines[1:]] == [line[1] for line in lines[:-1]]
    assert ask("inputs=talk.wav", "segments=talk.csv", "hop_seconds=0.1").code == 0
    found = rows(tmp_path / "talk.csv")
    assert {row["label"] for row in found} <= set(recognizer.labels)
    assert float(found[-1]["end"]) == 3.0
    assert all(0 < float(row["probability"]) <= 1 for row in found)


def test_under_the_threshold_it_is_unsure(ask, tmp_path):
    long_recording(tmp_path / "talk.wav")
    done = ask("inputs=talk.wav", "threshold=1.0", "output=answers.csv", "segments=talk.csv")
    assert [row["label"] for row in rows(tmp_path / "answers.csv")] == ["unsure"]
    assert {row["label"] for row in rows(tmp_path / "talk.csv")} == {"unsure"}
    assert "unsure: " in done.out


def test_standard_input_is_heard_as_a_file_is(ask, tmp_path, recognizer, monkeypatch):
    long_recording(tmp_path / "talk.wav")
    samples, _ = soundfile.read(tmp_path / "talk.wav", dtype="int16")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(samples.tobytes() + b"\x00")))
    done = ask("inputs=-", "rate=16000", "hop_seconds=0.2")
    assert done.code == 0, done.err
    *windows, whole = [json.loads(line) for line in done.out.splitlines()]
    answer = recognizer(tmp_path / "talk.wav")
    assert whole["whole"] is True
    assert (whole["label"], whole["end"]) == (answer.label, 3.0)
    assert [whole[label] for label in LABELS] == pytest.approx(list(answer.probabilities.values()), abs=1e-6)
    assert len(windows) == 14
    assert windows[1]["start"] == 0.2


def test_samples_of_a_pipe_are_those_that_were_written():
    samples = np.arange(-500, 500, dtype=np.int16)
    assert np.concatenate(list(pcm(io.BytesIO(samples.tobytes() + b"\x01"), 77))).tolist() == samples.tolist()


def test_all_mistakes_are_told_before_anything_is_heard(ask, tmp_path):
    (tmp_path / "hollow").mkdir()
    done = ask("inputs=[hollow,gone.wav,'*.ogg']", "output=a.xls", "segments=b.pdf", "hop_seconds=3.0", "rate=8000")
    assert done.code == 2
    for part in (
        "hollow has no file that could be audio",
        "there is no file or folder gone.wav",
        "*.ogg has no file that could be audio",
        "output=a.xls: the ending says what is written, .csv, .jsonl",
        "segments=b.pdf: the ending",
        "hop_seconds=3.0 must be more than 0 and at most a window, 0.4 s",
        "rate= is of standard input (inputs=-), and has no effect on files",
    ):
        assert part in done.err
    assert "7 things to mend" in done.err


def test_standard_input_needs_its_rate_and_has_no_files(ask):
    done = ask("inputs=-", "output=a.csv")
    assert done.code == 2
    assert "give rate=, such as 16000" in done.err
    assert "output= is of files" in done.err


def test_one_label_file_is_of_one_recording(ask, write_noise, tmp_path):
    for name in ("a.wav", "b.wav"):
        write_noise(tmp_path / name)
    done = ask("inputs=[a.wav,b.wav]", "segments=labels.txt")
    assert done.code == 2
    assert "is a label file of one recording, there are 2; name a folder" in done.err


def test_a_strangers_run_executes_nothing(run_job, tiny_run, write_noise, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_noise(tmp_path / "a.wav")
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_text("corpus: {_target_: os.system, command: 'touch executed'}\n")
    (run / "metrics.json").write_text('{"protocol": {"_target_": "os.system"}}')
    checkpoint = torch.load(tiny_run / "checkpoints" / "best.ckpt", weights_only=True)
    torch.save(checkpoint, run / "checkpoints" / "best.ckpt")
    done = run_job(predict, "predict", [f"run={run}", "inputs=a.wav"])
    assert done.code == 0
    assert "its score is not known" in done.err
    checkpoint["recognizer"]["network"]["_target_"] = "os.system"
    torch.save(checkpoint, run / "checkpoints" / "best.ckpt")
    done = run_job(predict, "predict", [f"run={run}", "inputs=a.wav"])
    assert done.code == 2
    assert "recognizer names os.system, and nothing that a checkpoint names is built" in done.err
    assert not (tmp_path / "executed").exists()
