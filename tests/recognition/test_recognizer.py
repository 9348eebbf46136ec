"""The recognizer gives a clip the probabilities that its run gave it, however the clip is handed over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from ser_lightning import Recognizer
from ser_lightning.data.audio import BadAudioError
from ser_lightning.errors import UserError
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.recognition.windows import num_windows, tiles

RATE = 16000


@pytest.fixture(scope="module")
def recognizer(tiny_run):
    return Recognizer.load(tiny_run, device="cpu")


@pytest.fixture(scope="module")
def long_wave() -> np.ndarray:
    """1.3 s of noise that grows: four windows of 0.4 s, the last of them short."""
    rng = np.random.default_rng(3)
    return (np.linspace(500, 9000, int(1.3 * RATE)) * rng.uniform(-1, 1, int(1.3 * RATE))).astype(np.int16)


def values(answer) -> list[float]:
    return list(answer.probabilities.values())


def test_the_test_part_gets_the_probabilities_of_the_run(recognizer, tiny_run, tone_corpus):
    saved = read_predictions(tiny_run / "predictions" / "test.csv")
    files = [tone_corpus.parent / f"{clip.rsplit('/', 1)[1]}.wav" for clip in saved["clip"]]
    answers = recognizer(files)
    assert recognizer.labels == ("angry", "sad", "neutral")
    found = np.array([values(answer) for answer in answers])
    np.testing.assert_allclose(found, saved.select("p_angry", "p_sad", "p_neutral").to_numpy(), atol=1e-6)
    assert [answer.label for answer in answers] == saved["prediction"].to_list()
    np.testing.assert_allclose([answer.seconds for answer in answers], saved["duration"], atol=1e-3)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32, np.float64])
def test_samples_of_any_type_are_the_file(recognizer, long_wave, tmp_path, kind):
    soundfile.write(tmp_path / "a.wav", long_wave, RATE)
    scale = {np.int16: 1, np.int32: 65536, np.float32: 1 / 32768, np.float64: 1 / 32768}[kind]
    array = (long_wave.astype(np.float64) * scale).astype(kind)
    assert values(recognizer(array, rate=RATE)) == values(recognizer(tmp_path / "a.wav"))


def test_channels_are_averaged_and_tensors_are_arrays(recognizer, long_wave):
    mono = long_wave.astype(np.float32) / 32768
    both = np.stack([mono * 0.5, mono * 1.5], axis=1)
    assert values(recognizer(both, rate=RATE)) == pytest.approx(values(recognizer(mono, rate=RATE)), abs=1e-3)
    assert values(recognizer(torch.from_numpy(mono), rate=RATE)) == values(recognizer(mono, rate=RATE))


@pytest.mark.parametrize("rate", [8000, 24400, 44100, 48000, 96000])
def test_any_rate_is_resampled_as_a_file_is(recognizer, long_wave, tmp_path, rate):
    wave = soxr.resample(long_wave.astype(np.float32) / 32768, RATE, rate, quality="VHQ")
    soundfile.write(tmp_path / "a.flac", wave, rate)
    stored, _ = soundfile.read(tmp_path / "a.flac", dtype="int16")
    assert values(recognizer(stored, rate=rate)) == values(recognizer(tmp_path / "a.flac"))


def test_a_list_is_its_members_one_by_one(recognizer, long_wave):
    parts = [long_wave, long_wave[:3000], long_wave[:6400]]
    assert [a.probabilities for a in recognizer(parts, rate=RATE)] == [
        recognizer(part, rate=RATE).probabilities for part in parts
    ]
    assert recognizer([]) == []


def test_the_timeline_has_the_windows_of_which_the_answer_is_the_mean(recognizer, long_wave):
    answer = recognizer(long_wave, rate=RATE)
    times = [(window.start, window.end) for window in answer.timeline]
    np.testing.assert_allclose(times, [(0, 0.4), (0.4, 0.8), (0.8, 1.2), (1.2, 1.3)], atol=1e-9)
    temperature = recognizer.trained.temperature
    p = np.array([list(window.probabilities.values()) for window in answer.timeline]) ** temperature
    raw = p / p.sum(axis=1, keepdims=True)
    mean = np.average(raw, axis=0, weights=[4, 4, 4, 1]) ** (1 / temperature)
    np.testing.assert_allclose(values(answer), mean / mean.sum(), atol=1e-6)
    assert answer.confidence == max(values(answer))


def test_a_window_is_heard_by_itself(recognizer, long_wave):
    windows = recognizer.timeline(recognizer.heard(long_wave, rate=RATE), hop_seconds=0.1)
    assert len(windows) == 10
    assert [round(window.start, 3) for window in windows] == [round(0.1 * k, 3) for k in range(10)]
    alone = recognizer(long_wave[3 * 1600 : 3 * 1600 + 6400], rate=RATE)
    assert list(windows[3].probabilities.values()) == pytest.approx(values(alone), abs=1e-6)
    assert windows[3].label == alone.label
    with pytest.raises(UserError, match=r"hop_seconds=0.5 must be more than 0 and at most a window, 0.4 s"):
        recognizer.timeline(recognizer.heard(long_wave, rate=RATE), hop_seconds=0.5)


def test_under_the_threshold_the_answer_is_unsure(tiny_run, recognizer, long_wave):
    sure = recognizer(long_wave, rate=RATE)
    for threshold, label in ((sure.confidence, sure.label), (sure.confidence + 1e-6, "unsure")):
        answer = Recognizer.load(tiny_run, device="cpu", threshold=threshold)(long_wave, rate=RATE)
        assert (answer.label, answer.probabilities) == (label, sure.probabilities)
    with pytest.raises(UserError, match=r"threshold=60 must be a probability"):
        Recognizer.load(tiny_run, threshold=60)


@pytest.mark.parametrize(
    ("array", "rate", "reason"),
    [
        (np.zeros(0), RATE, "the array holds no samples"),
        (np.array([0.1, np.nan]), RATE, "the array holds 1 samples that are not finite"),
        (np.array([0.1, np.inf]), RATE, "the array holds 1 samples that are not finite"),
        (np.zeros((2, 48000)), RATE, r"these are \[2 x 48000\].*must be transposed"),
        (np.float64(3.0), RATE, r"must be \[time\] or \[time channel\]"),
        (np.array([1000.0, -32768.0]), RATE, "the largest of these is 32768. Divide by 32768"),
        (np.array(["a"]), RATE, "samples must be floats"),
        (np.zeros(4, complex), RATE, "samples must be floats"),
        (np.zeros(4), None, "give their rate in Hz"),
        (np.zeros(4), 0, "rate=0 must be in Hz"),
        (np.zeros(2), 192000, "is too short: 2 frames"),
    ],
)
def test_what_is_no_recording_is_told(recognizer, array, rate, reason):
    with pytest.raises(ValueError, match=reason):
        recognizer(array, rate=rate)


def test_a_file_that_cannot_be_heard_is_named(recognizer, tmp_path):
    (tmp_path / "notes.wav").write_text("buy milk")
    with pytest.raises(BadAudioError, match=r"notes.wav is no audio that libsndfile reads: it is text"):
        recognizer(tmp_path / "notes.wav")
    with pytest.raises(BadAudioError, match=r"missing.wav cannot be opened: no such file"):
        recognizer(str(tmp_path / "missing.wav"))


def test_silence_is_answered_with_a_warning(recognizer):
    answer = recognizer(np.zeros(RATE, dtype=np.int16), rate=RATE)
    assert answer.warnings == ("it is silent throughout (every sample is zero); the answer means nothing",)
    assert sum(values(answer)) == pytest.approx(1)


def test_a_stack_and_a_folder_without_a_model_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"best.ckpt is not there"):
        Recognizer.load(tmp_path)
    (tmp_path / "stack.json").write_text("{}")
    with pytest.raises(UserError, match=r"is a stack of several models"):
        Recognizer.load(str(tmp_path))


def test_importing_it_brings_neither_hydra_nor_lightning_nor_wandb():
    code = (
        "import sys, ser_lightning; assert 'torch' not in sys.modules; from ser_lightning import Recognizer;"
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = set(done.stdout.split())
    assert "torch" in names
    assert not names & {"hydra", "omegaconf", "pytorch_lightning", "lightning_fabric", "wandb", "torchmetrics"}


def test_loading_a_strangers_run_executes_nothing(tiny_run, tmp_path):
    """Its config is not even read; a checkpoint with a pickle is refused (see tests/test_trained.py too)."""
    mark = tmp_path / "executed"
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_text(f"model: {{_target_: os.system, command: 'touch {mark}'}}\n")
    good = (tiny_run / "checkpoints" / "best.ckpt").read_bytes()
    (run / "checkpoints" / "best.ckpt").write_bytes(good)
    assert Recognizer.load(run).labels == ("angry", "sad", "neutral")
    torch.save({"recognizer": Trap(mark), "state_dict": {}}, run / "checkpoints" / "best.ckpt")
    with pytest.raises(UserError, match="is no checkpoint of plain values and tensors, it was not loaded"):
        Recognizer.load(run)
    assert not mark.exists()


class Trap:
    """An object whose unpickling would leave a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize(
    ("time", "expected"), [(1, [1]), (4, [4]), (5, [4, 3]), (6, [4, 4]), (7, [4, 4, 3]), (8, [4, 4, 4])]
)
def test_windows_apart_by_a_hop_reach_the_end(time, expected):
    wave = np.arange(1, time + 1, dtype=np.int16)
    windows, length = tiles(wave, 4, 2)
    assert length.tolist() == expected
    assert len(length) == num_windows(time, 4, 2)
    for number, (window, real) in enumerate(zip(windows, length, strict=True)):
        assert window[:real].tolist() == wave[2 * number : 2 * number + real].tolist()
        assert not window[real:].any()
