"""The classic experiment on SAVEE, CREMA-D, TESS and RAVDESS together, as small trees with true names."""

import json

import numpy as np
import polars as pl
import pytest
import soundfile

from ser_lightning.train import train

LABELS = ["angry", "fear", "disgust", "sad", "surprise", "happy", "calm"]


def names():
    """Names of all emotions that each corpus has."""
    for speaker in ("DC", "JE", "JK", "KL"):
        yield from (f"SAVEE/AudioData/{speaker}/{code}01.wav" for code in ("a", "d", "f", "h", "n", "sa", "su"))
    for actor in ("1001", "1002", "1003"):
        yield from (f"CREMA-D/AudioWAV/{actor}_IEO_{code}_HI.wav" for code in ("ANG", "DIS", "FEA", "HAP", "SAD"))
        yield f"CREMA-D/AudioWAV/{actor}_IEO_NEU_XX.wav"
    for speaker in ("OAF", "YAF"):
        for token in ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad"):
            yield from (f"TESS/{speaker}_{token}/{speaker}_{word}_{token}.wav" for word in ("back", "bar"))
    for actor in ("01", "02", "03", "04"):
        yield from (f"RAVDESS/Actor_{actor}/03-01-0{code}-01-01-01-{actor}.wav" for code in range(1, 9))


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """A data folder with the four corpora: noise of its own in each file, at each corpus's rate."""
    folder = tmp_path_factory.mktemp("four")
    rates = {"SAVEE": 44100, "CREMA-D": 16000, "TESS": 24414, "RAVDESS": 48000}
    for seed, name in enumerate(names()):
        rate = rates[name.split("/")[0]]
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        samples = 0.1 * np.random.default_rng(seed).standard_normal(rate // 2 + 10 * seed)
        soundfile.write(folder / name, samples, rate)
    return folder


def run(run_job, folder, tmp_path, *overrides):
    places = [f"data_dir={folder}", f"cache_dir={folder / 'cache'}", f"hydra.run.dir={tmp_path / 'run'}"]
    done = run_job(train, "train", ["+experiment=effb7_four", *places, "trainer=debug", *overrides])
    assert done.code == 0, done.err
    return json.loads((tmp_path / "run" / "metrics.json").read_text()), done.out


@pytest.mark.slow
def test_effb7_takes_a_step_on_all_four(run_job, four, tmp_path):
    metrics, out = run(run_job, four, tmp_path, "model.pretrained=false")
    assert metrics["labels"] == LABELS
    assert metrics["protocol"]["corpora"] == ["cremad", "ravdess", "savee", "tess"]
    assert metrics["protocol"]["merged"] == {"neutral -> calm": 4 + 3 + 4 + 4}
    assert "savee" in out


def test_the_four_share_labels_and_keep_their_names(run_job, four, tmp_path):
    model = ["model=resnet18", "model.backbone=test_resnet"]
    metrics, _ = run(run_job, four, tmp_path, *model, "split=speaker")
    split = pl.read_csv(tmp_path / "run" / "split.csv")
    assert dict(split.group_by("corpus").len().iter_rows()) == {"savee": 28, "cremad": 18, "tess": 28, "ravdess": 32}
    assert metrics["protocol"]["speaker_disjoint"]
    assert {"savee/DC/a01", "cremad/1001/1001_IEO_ANG_HI", "tess/OAF/OAF_back_ps"} <= set(split["clip"])


def test_one_of_the_four_is_tested(run_job, four, tmp_path):
    model = ["model=resnet18", "model.backbone=test_resnet"]
    metrics, out = run(run_job, four, tmp_path, *model, "split=one_corpus_out", "split.test_corpus=cremad")
    assert metrics["protocol"]["parts"]["test"] == {"clips": 18, "speakers": 3, "corpora": ["cremad"]}
    assert metrics["protocol"]["parts"]["train"]["corpora"] == ["ravdess", "savee", "tess"]
    assert "trained on ravdess + savee + tess, tested on cremad" in out
