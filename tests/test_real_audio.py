"""The promises on real recordings; skipped by name where these are not beside the checkout."""

import json
from pathlib import Path

import polars as pl
import pytest

from ser_lightning.train import train

CORPORA = Path(__file__).parent.parent.parent / "shared" / "corpora"
TESS, RAVDESS = CORPORA / "TESS", CORPORA / "RAVDESS"

needs_tess = pytest.mark.skipif(not TESS.is_dir(), reason=f"TESS is not at {TESS}")
needs_ravdess = pytest.mark.skipif(not RAVDESS.is_dir(), reason=f"RAVDESS is not at {RAVDESS}")


@pytest.mark.slow
@needs_tess
def test_tess_at_random_is_learned_within_twelve_epochs(run_job, tmp_path):
    run_dir = tmp_path / "run"
    overrides = ["corpus=tess", f"corpus.root={TESS}", "split=random", "data.batch_size=16", "trainer.max_epochs=12"]
    done = run_job(train, "train", [*overrides, f"cache_dir={tmp_path / 'cache'}", f"hydra.run.dir={run_dir}"])
    assert done.code == 0, done.err
    metrics = json.loads((run_dir / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] >= 0.96
    assert metrics["protocol"]["shared_speakers"]["train_test"] == 2


@pytest.mark.slow
@needs_tess
def test_effb7_takes_a_step_of_everything(run_job, tmp_path):
    run_dir = tmp_path / "run"
    overrides = ["+experiment=effb7", "model.pretrained=false", "corpus=tess", f"corpus.root={TESS}", "trainer=debug"]
    done = run_job(train, "train", [*overrides, f"cache_dir={tmp_path / 'cache'}", f"hydra.run.dir={run_dir}"])
    assert done.code == 0, done.err
    metrics = json.loads((run_dir / "metrics.json").read_text())
    assert metrics["labels"] == ["angry", "fear", "disgust", "sad", "surprise", "happy", "calm"]
    assert metrics["protocol"]["merged"] == {"neutral -> calm": 100}
    assert [metrics[part]["clips"] for part in ("train", "val", "test")] == [10, 10, 10]


@needs_ravdess
def test_ravdess_is_found_whole_and_its_known_defects_are_named(run_job, tmp_path):
    run_dir = tmp_path / "run"
    overrides = ["corpus=ravdess", f"corpus.root={RAVDESS}", "trainer=debug", "model.backbone=test_resnet"]
    done = run_job(train, "train", [*overrides, f"cache_dir={tmp_path / 'cache'}", f"hydra.run.dir={run_dir}"])
    assert done.code == 0, done.err
    assert "2 clips with several channels were downmixed to one: ravdess/actor01/" in done.out
    pair = ["ravdess/actor07/03-01-03-01-02-01-07", "ravdess/actor07/03-01-03-01-02-02-07"]
    assert f"identical audio, kept in one part: {', '.join(pair)}" in done.out
    split = pl.read_csv(run_dir / "split.csv")
    assert len(split) == 1440
    assert split.filter(pl.col("clip").is_in(pair))["part"].n_unique() == 1
    speakers = split.group_by("part").agg(pl.col("speaker").unique()).rows()
    assert sum(len(names) for _, names in speakers) == 24
