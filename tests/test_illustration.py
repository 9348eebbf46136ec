"""The examples are the clips they claim to be, and the evidence lies where and when the windows had it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn

from ser_lightning.data.samples import Samples
from ser_lightning.data.store import TAIL_SECONDS, Store
from ser_lightning.data.windows import EvalBatches, Layout, Windows
from ser_lightning.frontend.frontend import Frontend, to_float
from ser_lightning.illustration import build_examples, in_time
from ser_lightning.models.grad_cam import grad_cam
from ser_lightning.models.network import EmotionNetwork, emotion_network
from ser_lightning.recognition.windows import tiles

RATE = 8000
LENGTHS = {"a/ann/1": 4000, "a/ben/2": 10_000, "a/cat/3": 100}
LABELS = ("happy", "sad")


def store_of(lengths: dict[str, int]) -> tuple[Store, pl.DataFrame]:
    offsets = np.cumsum([0, *lengths.values()])
    samples = np.random.default_rng(0).integers(-9000, 9000, offsets[-1] + TAIL_SECONDS * RATE).astype(np.int16)
    samples[offsets[-1] :] = 0
    table = pl.DataFrame({"clip": list(lengths), "offset": offsets[:-1], "length": list(lengths.values())})
    return SimpleNamespace(samples=Samples(samples), rate=RATE), table


def frontend(**options) -> Frontend:
    return Frontend(sample_rate=RATE, n_fft=256, win_length=256, hop_length=80, n_mels=32, **options)


def network(channels: int = 1) -> EmotionNetwork:
    torch.manual_seed(0)
    return emotion_network(2, (channels, 32, 51), backbone="test_resnet", hidden=8).eval()


PREDICTIONS = pl.DataFrame(
    {
        "clip": list(LENGTHS),
        "label": ["sad", "sad", "happy"],
        "prediction": ["sad", "happy", "sad"],
        "p_happy": [0.1, 0.8, 0.3],
        "p_sad": [0.9, 0.2, 0.7],
    }
)


@pytest.fixture(scope="module")
def made():
    store, table = store_of(LENGTHS)
    examples = build_examples(PREDICTIONS, table, store, frontend(), network(), window=4000)
    return {example.clip: example for example in examples}, store, table


def test_examples_have_their_clips_sound_and_what_was_said_of_them(made):
    examples, store, table = made
    assert list(examples) == ["a/ben/2", "a/cat/3", "a/ann/1"]
    for clip, first, length in table.iter_rows():
        np.testing.assert_array_equal(examples[clip].wave, store.samples.read(first, length))
    wrong = examples["a/ben/2"]
    assert (wrong.label, wrong.prediction, wrong.kinds) == ("sad", "happy", ("worst", "confident"))
    assert (wrong.probability, wrong.label_probability) == (0.8, 0.2)
    assert (examples["a/ann/1"].kinds, examples["a/ann/1"].right) == (("right",), True)


def test_the_log_mel_is_that_of_the_whole_clip_and_the_evidence_has_its_shape(made):
    examples, _, _ = made
    for clip, length in LENGTHS.items():
        frames = 1 + max(length, 256) // 80  # a shorter clip is padded to one transform
        assert examples[clip].log_mel.shape == (32, frames)
        assert examples[clip].evidence.shape == (32, frames)
        assert (examples[clip].evidence.min() >= 0, examples[clip].evidence.max()) == (True, 1.0)


def test_the_windows_are_those_that_predictions_are_made_of(made):
    _, store, table = made
    layout = Layout(table["offset"].to_numpy(), table["length"].to_numpy())
    seen = Windows(store.samples, np.zeros((3, 2), dtype=np.float32), window=4000)
    for row, (_, first, length) in enumerate(table.iter_rows()):
        (request,) = EvalBatches(layout, np.array([row]), window=4000, batch_size=99)
        windows, lengths = map(torch.from_numpy, tiles(np.array(store.samples.read(first, length)), 4000))
        assert torch.equal(windows, seen[request].wave)
        assert torch.equal(lengths, seen[request].facts.length)


def test_the_evidence_of_a_clip_of_one_window_is_grad_cam_of_its_image(made):
    examples, _, _ = made
    example, mel = examples["a/ann/1"], frontend()
    image = mel(to_float(torch.from_numpy(example.wave)[None]), torch.tensor([4000]))
    expected = grad_cam(network(), image, torch.tensor([LABELS.index("sad")])).maps[0]
    np.testing.assert_allclose(example.evidence, expected / expected.max(), rtol=1e-4, atol=1e-5)
    assert example.evidence_note == "of the clip as one window"


def test_several_windows_are_told_and_scaled_together(made):
    examples, _, _ = made
    assert examples["a/ben/2"].evidence_note == "of its 3 windows of 0.5 s, each by itself, put together in time"


def test_frames_come_from_the_window_that_holds_their_sample():
    # Windows of 100 samples, frames 40 apart: samples 0 40 80 | 120 160 | 200 240, within their windows 0 40 80 20 60.
    maps = np.arange(9, dtype=np.float32).reshape(3, 1, 3)
    assert in_time(maps, 7, size=100, hop=40).tolist() == [[0, 1, 2, 3, 5, 6, 7]]


class Edge(nn.Module):
    """Its maps are the image itself: evidence for class 1 is what is bright."""

    num_features = 2

    def forward_features(self, image: Tensor) -> Tensor:
        return torch.cat([-image, image], dim=1)

    def forward_head(self, features: Tensor) -> Tensor:
        return features.mean(dim=(2, 3))

    def forward(self, image: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(image))


def planted(seconds: float, at: float, hertz: float) -> np.ndarray:
    """Faint noise with a loud tone of 50 ms."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = np.where(abs(time - at) < 0.025, np.sin(2 * np.pi * hertz * time), 0.0)
    return np.round(9000 * tone + 3 * np.random.default_rng(0).standard_normal(time.size)).astype(np.int16)


@pytest.mark.parametrize("window", [None, 4000, 3001], ids=["whole", "hops", "no hops"])
@pytest.mark.parametrize(("at", "hertz"), [(0.2, 500.0), (0.8, 3000.0)])
def test_the_evidence_lies_at_the_time_and_the_pitch_of_a_tone(window, at, hertz):
    head = nn.Linear(2, 2, bias=False)
    head.weight.data = torch.eye(2)
    _, table = store_of({"a/ann/1": RATE})
    samples = np.append(planted(1.0, at, hertz), np.zeros(TAIL_SECONDS * RATE, dtype=np.int16))
    (example,) = build_examples(
        PREDICTIONS.head(1),
        table,
        SimpleNamespace(samples=Samples(samples), rate=RATE),
        frontend(image_size=(48, 80)),
        EmotionNetwork(Edge(), head).eval(),
        window=window,
    )
    mel, frame = np.unravel_index(example.evidence.argmax(), example.evidence.shape)
    assert frame * 80 / RATE == pytest.approx(at, abs=0.04)
    assert mel == pytest.approx(np.unravel_index(example.log_mel.argmax(), example.log_mel.shape)[0], abs=1)


def test_a_transformer_gives_the_reason_instead():
    store, table = store_of(LENGTHS)
    vit = emotion_network(2, (1, 160, 160), backbone="test_vit", hidden=8).eval()
    examples = build_examples(PREDICTIONS, table, store, frontend(image_size=(160, 160)), vit)
    assert [example.evidence for example in examples] == [None] * 3
    assert {example.no_evidence.partition(" [")[0] for example in examples} == {"its backbone gives no feature maps"}


def test_where_nothing_speaks_for_the_prediction_that_is_said():
    store, table = store_of(LENGTHS)
    head = nn.Linear(2, 2)
    nn.init.zeros_(head.weight)
    examples = build_examples(PREDICTIONS, table, store, frontend(), EmotionNetwork(Edge(), head).eval())
    assert {(example.evidence is None, example.no_evidence) for example in examples} == {
        (True, "no part of it speaks for the prediction more than against it")
    }


def test_colour_images_are_looked_at_too():
    store, table = store_of(LENGTHS)
    examples = build_examples(PREDICTIONS, table, store, frontend(channels=3), network(3), window=4000)
    first = examples[0]
    assert (first.no_evidence, first.evidence.shape, first.evidence.max()) == ("", first.log_mel.shape, 1.0)
