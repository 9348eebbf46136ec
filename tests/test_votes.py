"""Listeners' votes as labels and as targets, from CREMA-D's names and table to the predictions of a run."""

import json

import polars as pl
import pytest

from ser_lightning.train import train

ACTORS = ("1001", "1002", "1003", "1004", "1005")
VOTES = {"ANG": (8, 1, 0, 0, 1, 0), "SAD": (0, 0, 1, 0, 4, 5), "NEU": (0, 0, 0, 0, 9, 1), "HAP": (0, 0, 0, 4, 6, 0)}
"""Of an acted emotion: the votes for A, D, F, H, N and S; happiness was heard as neutral."""


@pytest.fixture(scope="module")
def cremad(tmp_path_factory, write_noise):
    """Five actors, four acted emotions, and the table of votes in its published form."""
    folder = tmp_path_factory.mktemp("CREMA-D")
    rows = []
    for actor in ACTORS:
        for emotion, counts in VOTES.items():
            name = f"{actor}_IEO_{emotion}_XX"
            write_noise(folder / "AudioWAV" / f"{name}.wav", seed=len(rows))
            rows.append({"": str(100001 + len(rows)), **dict(zip("ADFHNS", counts, strict=True)), "fileName": name})
    (folder / "processedResults").mkdir()
    pl.DataFrame(rows).write_csv(folder / "processedResults" / "tabulatedVotes.csv")
    return folder


@pytest.fixture
def trained(run_job, cremad, tmp_path):
    def run(*overrides):
        places = ["corpus=cremad", f"corpus.root={cremad}", f"cache_dir={cremad / 'cache'}"]
        small = ["trainer=debug", "model.backbone=test_resnet", f"hydra.run.dir={tmp_path / 'run'}"]
        done = run_job(train, "train", [*places, *small, *overrides])
        assert done.code == 0, done.err
        parts = [pl.read_csv(tmp_path / f"run/predictions/{part}.csv") for part in ("train", "val", "test")]
        return json.loads((tmp_path / "run/metrics.json").read_text()), pl.concat(parts), done.out

    return run


def test_shares_of_votes_are_learned_and_written(trained):
    metrics, table, out = trained("corpus.labels=voice", "corpus.soft=true")
    assert metrics["labels"] == ["angry", "sad", "neutral"]
    source = "plurality of voice votes, distribution as target"
    assert metrics["protocol"]["label_sources"] == {"cremad": source}
    assert f"protocol: cremad (labels: {source}), label set native (3 classes)" in out
    shares = {
        "angry": {"q_angry": 8 / 9, "q_sad": 0.0, "q_neutral": 1 / 9},
        "sad": {"q_angry": 0.0, "q_sad": 5 / 9, "q_neutral": 4 / 9},
    }
    for label, expected in shares.items():
        rows = table.filter(label=label)
        assert len(rows) == 5
        for column, share in expected.items():
            assert rows[column].to_list() == pytest.approx([share] * 5, rel=1e-6)
    assert table.select(pl.sum_horizontal("^q_.*$"))["q_angry"].to_list() == pytest.approx([1.0] * 20, rel=1e-6)
    assert table.filter(label="neutral")["clip"].str.contains("HAP|NEU").all()


def test_hard_votes_and_acted_labels_have_no_shares(trained):
    metrics, table, _ = trained("corpus.labels=voice")
    assert [name for name in table.columns if name.startswith("q_")] == []
    assert table["label"].value_counts().sort("label").rows() == [("angry", 5), ("neutral", 10), ("sad", 5)]
    assert metrics["protocol"]["label_sources"] == {"cremad": "plurality of voice votes"}


def test_tied_clips_are_left_out_by_name(trained, cremad, tmp_path):
    table = pl.read_csv(cremad / "processedResults" / "tabulatedVotes.csv", infer_schema=False)
    sad = pl.col("fileName").str.contains("1002_IEO_SAD")
    even = {"N": "5", "S": "5"}
    (tmp_path / "votes").mkdir()
    tied = table.with_columns(
        pl.when(sad).then(pl.lit(value)).otherwise(name).alias(name) for name, value in even.items()
    )
    tied.write_csv(tmp_path / "votes" / "tabulatedVotes.csv")
    _, predictions, out = trained("corpus.labels=voice", f"corpus.votes={tmp_path / 'votes'}")
    assert len(predictions) == 19
    assert "1 clips have a tie of voice votes: 1 are left out" in out
    left_out = pl.read_csv(tmp_path / "run" / "left_out.csv")
    assert left_out["path"].to_list() == [str(cremad / "AudioWAV" / "1002_IEO_SAD_XX.wav")]
    assert left_out["reason"].to_list() == ["its voice votes are tied"]


def test_acted_labels_are_those_of_the_names(trained):
    metrics, table, out = trained()
    assert dict(table["label"].value_counts().iter_rows()) == dict.fromkeys(("angry", "happy", "neutral", "sad"), 5)
    assert metrics["protocol"]["label_sources"] == {"cremad": "acted"}
    assert "votes" not in out
