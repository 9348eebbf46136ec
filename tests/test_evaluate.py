"""A trained model on its own parts and on other clips: what is scored, what is said of it, and what is refused."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
import torch
import yaml
from sklearn.metrics import balanced_accuracy_score

from ser_lightning.build import build_clips
from ser_lightning.evaluate import evaluate
from ser_lightning.evaluated_data import among, own_data
from ser_lightning.evaluating import asked_network, predict_parts
from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.evaluation.runs import read_finished
from ser_lightning.recognition.checkpoint import load_trained
from ser_lightning.run_corpus import heard_in
from ser_lightning.stack import stack
from ser_lightning.train import train
from ser_lightning.trained import predict_trained

RATE = 16000
PARTS = ("train", "val", "test")


@pytest.fixture
def evaluated(tiny_run, run_job, tmp_path):
    """Evaluate the tiny run, or another, and give what was said and where it lies."""

    def job(*overrides, run=tiny_run, cache=tiny_run.parent / "cache"):
        where = tmp_path / "evaluated"
        done = run_job(evaluate, "evaluate", [f"run={run}", f"cache_dir={cache}", f"hydra.run.dir={where}", *overrides])
        return done, where

    return job


@pytest.fixture
def rejected(evaluated):
    """The message of a command that must be refused, and must leave nothing."""

    def told(*overrides, **where):
        done, folder = evaluated(*overrides, **where)
        assert done.code == 2, done.out + done.err
        assert not folder.exists()
        return done.err

    return told


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """24 tones of two other speakers: angry, sad, and happy, which the model does not know; neutral is missing."""
    folder = tmp_path_factory.mktemp("other")
    rng = np.random.default_rng(7)
    rows = []
    for speaker in ("fay", "gus"):
        for emotion, pitch in {"angry": 400, "sad": 1000, "happy": 2000}.items():
            for take in range(4):
                time = np.arange(int(RATE * rng.uniform(0.3, 0.9))) / RATE
                name = f"{speaker}_{emotion}_{take}.wav"
                tone = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.05 * rng.standard_normal(len(time))
                soundfile.write(folder / name, tone, RATE)
                rows.append({"path": name, "emotion": emotion, "speaker": speaker, "text": f"t{take}"})
    pl.DataFrame(rows).write_csv(folder / "clips.csv")
    return folder / "clips.csv"


@pytest.fixture
def other_corpus(other):
    return ["corpus=table", f"corpus.root={other}", "corpus.name=other"]


def metrics_of(folder: Path):
    return json.loads((folder / "metrics.json").read_text())


def all_bytes(folder: Path):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_notes(protocol):
    return {name: value for name, value in protocol.items() if name != "notes"}


def test_own_parts_give_the_run_again(evaluated, tiny_run):
    before = all_bytes(tiny_run)
    done, where = evaluated()
    assert done.code == 0, done.err
    for name in ("predictions/train.csv", "predictions/val.csv", "predictions/test.csv", "split.csv"):
        assert (where / name).read_bytes() == (tiny_run / name).read_bytes()
    made, trained = metrics_of(where), metrics_of(tiny_run)
    assert {name: made[name] for name in (*PARTS, "labels", "calibration")} == {
        name: trained[name] for name in (*PARTS, "labels", "calibration")
    }
    assert without_notes(made["protocol"]) == without_notes(trained["protocol"])
    assert made["protocol"]["notes"] == [*trained["protocol"]["notes"], "the model's own parts, scored again"]
    assert (
        json.loads((where / "leaks.json").read_text())["shared"]
        == (json.loads((tiny_run / "leaks.json").read_text())["shared"])
    )
    assert yaml.safe_load((where / "config.yaml").read_text()) == {
        **yaml.safe_load((tiny_run / "config.yaml").read_text()),
        "run": str(tiny_run),
    }
    assert f"protocol: {trained['protocol']['sentence']}" in done.out
    assert (where / "report" / "index.html").exists()
    assert all_bytes(tiny_run) == before


def test_the_batch_changes_nothing(evaluated, tiny_run):
    done, where = evaluated("batch_size=1", "device=cpu")
    assert done.code == 0, done.err
    for part in PARTS:
        made, saved = (read_predictions(folder / "predictions" / f"{part}.csv") for folder in (where, tiny_run))
        names = ["p_angry", "p_sad", "p_neutral"]
        np.testing.assert_allclose(made.select(names).to_numpy(), saved.select(names).to_numpy(), atol=1e-5)


def test_another_corpus_is_scored_among_the_shared_classes(evaluated, tiny_run, other, other_corpus):
    done, where = evaluated(*other_corpus)
    assert done.code == 0, done.err
    protocol, split = metrics_of(where)["protocol"], pl.read_csv(tiny_run / "split.csv")
    sizes = {part: len(split.filter(pl.col("part") == part)) for part in PARTS}
    assert protocol["labels"] == metrics_of(where)["labels"] == ["angry", "sad"]
    assert protocol["dropped"] == {"happy": 8}
    assert protocol["merged"] == {}
    assert {part: size["clips"] for part, size in protocol["parts"].items()} == {**sizes, "test": 16}
    assert protocol["parts"]["test"] == {"clips": 16, "speakers": 2, "corpora": ["other"]}
    assert protocol["parts"]["train"]["corpora"] == ["table"]
    assert protocol["shared_speakers"]["train_test"] == protocol["shared_audio"]["train_test"] == 0
    assert protocol["speaker_disjoint"]
    assert protocol["sentence"] == (
        "other + table (trained on table, tested on other), label set native (2 classes; happy dropped (8 clips)), "
        f"split all: {sizes['train']} train / {sizes['val']} val / 16 test clips; "
        "2 test speakers, none of them in training"
    )
    assert protocol["notes"][0].startswith("no clip is of the model's class neutral: not asked")
    config = yaml.safe_load((where / "config.yaml").read_text())
    assert (config["run"], config["corpus"]["root"], config["split"]) == (str(tiny_run), str(other), None)
    assert (config["name"], config["model"]["backbone"]) == ("test_resnet on other", "test_resnet")
    assert not (where / "leaks.json").exists()
    assert set(pl.read_csv(where / "split.csv")["part"]) == {"test"}
    assert sorted(path.name for path in (where / "predictions").iterdir()) == ["test.csv"]
    assert "warning" not in done.out


def test_the_probabilities_of_the_shared_classes_are_renormalised(evaluated, tiny_run, other, other_corpus):
    done, where = evaluated(*other_corpus)
    assert done.code == 0, done.err
    saved = read_predictions(where / "predictions" / "test.csv")
    made = {"_target_": "ser_lightning.corpora.table.Table", "root": str(other), "name": "other"}
    config = {"corpus": made, "cache_dir": str(tiny_run.parent / "cache"), "sample_rate": RATE, "on_bad_audio": "error"}
    clips = build_clips(config)
    table = clips.table.filter(pl.col("emotion") != "happy")
    p = predict_trained(load_trained(tiny_run), table, clips.store, device=torch.device("cpu"), batch_size=8)
    angry, sad = p[:, 0], p[:, 1]
    assert saved["clip"].to_list() == table["clip"].to_list()
    np.testing.assert_allclose(saved["p_angry"], angry / (angry + sad), rtol=1e-6)
    np.testing.assert_allclose(saved["p_sad"], sad / (angry + sad), rtol=1e-6)
    guesses = np.where(angry >= sad, "angry", "sad").tolist()
    assert saved["prediction"].to_list() == guesses
    assert metrics_of(where)["test"]["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(table["emotion"].to_list(), guesses)
    )


def test_clips_that_were_trained_on_are_told(evaluated, tiny_run, tone_corpus):
    done, where = evaluated("corpus=table", f"corpus.root={tone_corpus}")
    assert done.code == 0, done.err
    split, protocol = pl.read_csv(tiny_run / "split.csv"), metrics_of(where)["protocol"]
    train, val = (split.filter(pl.col("part") == part) for part in ("train", "val"))
    assert protocol["parts"]["test"]["clips"] == 60
    assert protocol["shared_audio"] == {"train_val": 0, "train_test": len(train), "val_test": len(val)}
    assert protocol["shared_speakers"] == {
        "train_val": 0,
        "train_test": train["speaker"].n_unique(),
        "val_test": val["speaker"].n_unique(),
    }
    assert not protocol["speaker_disjoint"]
    assert f"{train['speaker'].n_unique()} of 5 test speakers are in training too" in protocol["sentence"]
    assert f"{len(train)} test recordings are in training too" in protocol["sentence"]
    assert f"warning: {len(train)} test recordings were in train: they were trained on" in done.out
    assert f"warning: {len(val)} test recordings were in val: the epoch and the temperature" in done.out


def test_trained_on_audio_is_known_under_any_name(evaluated, tiny_run, tone_corpus, tmp_path):
    """Copies of all clips of ann and ben, as one speaker of another corpus; sizes by the run's own split."""
    rows = pl.read_csv(tone_corpus).filter(pl.col("speaker").is_in(["ann", "ben"]))
    for number, path in enumerate(rows["path"]):
        shutil.copy(tone_corpus.parent / path, tmp_path / f"x{number}.wav")
    copied = rows.with_columns(path=pl.Series([f"x{number}.wav" for number in range(len(rows))]), speaker=pl.lit("z"))
    copied.write_csv(tmp_path / "copied.csv")
    overrides = ["corpus=table", f"corpus.root={tmp_path / 'copied.csv'}", "corpus.name=copied"]
    split = pl.read_csv(tiny_run / "split.csv").filter(pl.col("speaker").is_in(["ann", "ben"]))
    heard = {part: len(split.filter(pl.col("part") == part)) for part in PARTS}
    done, where = evaluated(*overrides)
    assert done.code == 0, done.err
    shared = metrics_of(where)["protocol"]["shared_audio"]
    assert (shared["train_test"], shared["val_test"]) == (heard["train"], heard["val"])
    assert sum(heard.values()) == 24
    assert heard["test"] < 24
    shutil.rmtree(where)
    done, where = evaluated(*overrides, cache=tmp_path / "cache")
    protocol = metrics_of(where)["protocol"]
    assert (protocol["shared_audio"]["train_test"], protocol["shared_audio"]["val_test"]) == (0, 0)
    assert (
        "the clips of the training are known by their ids alone: their audio is not in the cache" in protocol["notes"]
    )


def test_clips_heard_in_training_stop_it_where_asked(rejected, tone_corpus):
    told = rejected("corpus=table", f"corpus.root={tone_corpus}", "leaks=error")
    assert "clips were in the training or the val part of the run: table/" in told
    assert "split=fixed split.file=FILE" in told


def test_what_was_heard_is_known_by_id_and_by_samples():
    evaluated = pl.DataFrame({"clip": ["a/1", "a/2", "b/1", "b/2"], "hash": ["p", "q", "r", "s"]})
    listed = pl.DataFrame({"clip": ["a/1", "a/2", "a/3", "a/4"], "part": ["val", "test", "train", "test"]})
    assert heard_in(evaluated, listed, None).to_list() == ["val", None, None, None]
    hashes = {"a/1": "p", "a/2": "q", "a/3": "r", "a/4": "s"}
    assert heard_in(evaluated, listed, hashes).to_list() == ["val", None, "train", None]
    assert heard_in(evaluated, listed, {"a/3": "p"}).to_list() == ["train", None, None, None]


def test_the_test_part_of_a_split(evaluated, tiny_run, other_corpus):
    done, where = evaluated(*other_corpus, "split=speaker", "split.test_speakers=[fay]")
    assert done.code == 0, done.err
    protocol = metrics_of(where)["protocol"]
    saved = read_predictions(where / "predictions" / "test.csv")
    assert set(saved["speaker"]) == {"fay"}
    assert len(saved) == 8
    assert protocol["parts"]["test"] == {"clips": 8, "speakers": 1, "corpora": ["other"]}
    assert "split speaker (tested: fay" in protocol["sentence"]
    assert not any("trained on" in note for note in protocol["notes"])  # what the split would train on is not used
    assert "of 16 clips the 8 of the split's test part are scored" in protocol["notes"]
    assert yaml.safe_load((where / "config.yaml").read_text())["split"]["test_speakers"] == ["fay"]


@pytest.fixture
def moved(tiny_run, tone_corpus, tmp_path):
    """A copy of the run, whose corpus is a table of the same clips that a function has changed."""

    def make(change, **config) -> Path:
        run, folder = tmp_path / "copy", tmp_path / "corpus"
        shutil.copytree(tiny_run, run)
        shutil.copytree(tone_corpus.parent, folder)
        change(pl.read_csv(tone_corpus)).write_csv(folder / "clips.csv")
        about = yaml.safe_load((run / "config.yaml").read_text())
        about["corpus"]["root"] = str(folder / "clips.csv")
        (run / "config.yaml").write_text(yaml.safe_dump({**about, **config}))
        return run

    return make


def without_two_of_test(tiny_run):
    split = pl.read_csv(tiny_run / "split.csv").filter(pl.col("part") == "test")
    names = [f"{clip.split('/')[-1]}.wav" for clip in split["clip"][:2]]
    new = pl.DataFrame({"path": ["new.wav"], "emotion": ["sad"], "speaker": ["ann"], "text": ["t9"]})
    return lambda table: pl.concat([table.filter(~pl.col("path").is_in(names)), new])


def with_new_file(run, seed=5):
    noise = np.random.default_rng(seed).standard_normal(6000) * 0.1
    soundfile.write(run.parent / "corpus" / "new.wav", noise, RATE)
    return run


def test_missing_clips_of_the_run_stop_it(rejected, moved, tiny_run):
    run = with_new_file(moved(without_two_of_test(tiny_run)))
    told = rejected(run=run)
    assert "2 clips of the run are not among the clips that can be used now: table/" in told
    assert "on_bad_audio=skip" in told


def test_missing_clips_are_left_out_where_asked_and_new_ones_are_told(evaluated, moved, tiny_run):
    run = with_new_file(moved(without_two_of_test(tiny_run)))
    done, where = evaluated("on_bad_audio=skip", run=run)
    assert done.code == 0, done.err
    saved, before = (read_predictions(folder / "predictions" / "test.csv") for folder in (where, tiny_run))
    assert saved["clip"].to_list() == before["clip"].to_list()[2:]
    assert pl.read_csv(where / "left_out.csv")["path"].to_list() == before["clip"].to_list()[:2]
    notes = metrics_of(where)["protocol"]["notes"]
    assert any(note.startswith("2 clips of the run are missing now and left out: table/") for note in notes)
    assert "clips that are new in the corpus since the training, and are not scored: table/ann/new" in notes


def test_a_corpus_that_has_moved_is_found_by_the_split_that_is_advised(rejected, evaluated, moved, tone_corpus):
    run = moved(lambda table: table)
    shutil.rmtree(run.parent / "corpus")
    told = rejected(run=run)
    assert "the run's corpus is not where its config.yaml says" in told
    advice = f"split=fixed split.file={run / 'split.csv'}"
    assert f"corpus=NAME corpus.root=DIR {advice}" in told
    done, where = evaluated("corpus=table", f"corpus.root={tone_corpus}", *advice.split(), run=run)
    assert done.code == 0, done.err
    assert (where / "predictions" / "test.csv").read_bytes() == (run / "predictions" / "test.csv").read_bytes()
    protocol = metrics_of(where)["protocol"]
    assert protocol["shared_audio"] == {"train_val": 0, "train_test": 0, "val_test": 0}
    assert protocol["parts"] == metrics_of(run)["protocol"]["parts"]


def test_a_strangers_corpus_does_not_hinder_another(evaluated, moved, other_corpus):
    run = moved(lambda rows: rows, corpus={"_target_": "strange_corpus.Corpus"})
    done, where = evaluated(*other_corpus, run=run)
    assert done.code == 0, done.err
    notes = metrics_of(where)["protocol"]["notes"]
    assert "the clips of the training are known by their ids alone: their audio is not in the cache" in notes


MISTAKES = {
    "a folder that is not there": (["run=/nowhere"], "/nowhere: there is no such folder; name a run directory"),
    "a split without a corpus": (["split=random"], "split= cuts a corpus that is named by corpus="),
    "an unknown key": (["batchsize=3"], "batchsize: no such key; did you mean 'batch_size'?"),
    "no batch": (["batch_size=0"], "batch_size=0: input should be greater than or equal to 1"),
    "an unknown device": (["device=tpu"], "device='tpu': input should be 'auto', 'cpu' or 'gpu'"),
    "an unknown corpus": (["corpus=tes"], "there is no corpus 'tes'; did you mean 'tess'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(name, rejected):
    overrides, message = MISTAKES[name]
    assert message in rejected(*overrides)


def test_a_run_must_be_named(run_job, tmp_path):
    done = run_job(evaluate, "evaluate", [f"hydra.run.dir={tmp_path / 'evaluated'}"])
    assert done.code == 2
    assert "run" in done.err
    assert not (tmp_path / "evaluated").exists()


def test_a_run_without_checkpoint_is_told(rejected, moved):
    run = moved(lambda table: table)
    (run / "checkpoints" / "best.ckpt").unlink()
    assert "best.ckpt is not there" in rejected(run=run)


def test_files_of_two_runs_are_told(rejected, moved):
    run = moved(lambda table: table)
    metrics = metrics_of(run)
    (run / "metrics.json").write_text(json.dumps({**metrics, "labels": ["angry", "neutral", "sad"]}))
    assert "the checkpoint's classes are angry, sad, neutral, those of metrics.json are" in rejected(run=run)


def test_a_config_without_its_keys_is_told(rejected, moved):
    run = moved(lambda table: table)
    (run / "config.yaml").write_text("name: mine\n")
    assert "it has no label_set, sample_rate, on_bad_audio, seed" in rejected(run=run)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "says which clips were trained on, and it cannot be read"),
        ("clip,part\na,train\n", "it lacks corpus, speaker, emotion"),
        ("clip,part,corpus,speaker,emotion\na,dev,c,s,sad\n", "each clip once, in train, val or test"),
    ],
)
def test_a_split_that_cannot_be_read_is_told(content, message, rejected, moved):
    run = moved(lambda table: table)
    (run / "split.csv").unlink()
    if content is not None:
        (run / "split.csv").write_text(content)
    assert message in rejected(run=run)


def test_fewer_than_two_shared_classes_are_refused(rejected, other, other_corpus, tmp_path):
    rows = pl.read_csv(other).with_columns(path=pl.lit(f"{other.parent}/") + pl.col("path"))
    rows.filter(pl.col("emotion") != "angry").write_csv(tmp_path / "few.csv")
    told = rejected("corpus=table", f"corpus.root={tmp_path / 'few.csv'}")
    assert (
        "two or more of the model's classes (angry, sad, neutral); they are of sad: the corpus has happy, sad" in told
    )


def test_the_run_itself_is_not_written_to(run_job, tiny_run):
    before = all_bytes(tiny_run)
    done = run_job(evaluate, "evaluate", [f"run={tiny_run}", f"hydra.run.dir={tiny_run}"])
    assert done.code == 2
    assert "holds a finished run, which is not overwritten" in done.err
    assert all_bytes(tiny_run) == before


def test_several_runs_at_once(run_job, tiny_run, moved, other_corpus, tmp_path):
    second = moved(lambda table: table)
    sweep = tmp_path / "sweep"
    cache = tiny_run.parent / "cache"
    arguments = ["-m", f"run={tiny_run},{second}", f"cache_dir={cache}", f"hydra.sweep.dir={sweep}", *other_corpus]
    done = run_job(evaluate, "evaluate", arguments)
    assert done.code == 0, done.err
    runs = [yaml.safe_load((sweep / job / "config.yaml").read_text())["run"] for job in ("0", "1")]
    assert runs == [str(tiny_run), str(second)]
    assert (sweep / "0/predictions/test.csv").read_bytes() == (sweep / "1/predictions/test.csv").read_bytes()


def test_a_run_of_before_the_temperature_is_evaluated(evaluated, moved, tiny_run):
    run = moved(lambda table: table)
    metrics = metrics_of(run)
    told = metrics.pop("calibration")
    (run / "metrics.json").write_text(json.dumps(metrics))
    done, where = evaluated(run=run)
    assert done.code == 0, done.err
    assert metrics_of(where)["calibration"] == told


@pytest.fixture(scope="module")
def stack_run(tiny_run, tone_corpus, tiny_arguments, run_job, tmp_path_factory):
    """A stack of the tiny run and another of other first weights."""
    folder = tmp_path_factory.mktemp("stack")
    arguments = tiny_arguments(tone_corpus, tiny_run.parent, "seed=1", f"hydra.run.dir={folder / 'member'}")
    assert run_job(train, "train", arguments).code == 0
    settings = ["meta=logistic", "iterations=2", "inner_folds=2", "jobs=1", f"hydra.run.dir={folder / 'stack'}"]
    done = run_job(stack, "stack", [f"runs=[{tiny_run},{folder / 'member'}]", *settings])
    assert done.code == 0, done.err
    return folder / "stack"


def test_the_test_part_of_a_stack_is_given_again(evaluated, stack_run):
    done, where = evaluated(run=stack_run)
    assert done.code == 0, done.err
    assert (where / "predictions/test.csv").read_bytes() == (stack_run / "predictions/test.csv").read_bytes()
    assert metrics_of(where)["test"] == metrics_of(stack_run)["test"]
    assert sorted(path.name for path in (where / "predictions").iterdir()) == ["test.csv"]
    assert "(a stack), on cpu" in done.out


def test_an_evaluated_stack_has_no_temperature(evaluated, stack_run, moved):
    done, where = evaluated(run=stack_run)
    assert done.code == 0, done.err
    calibration = metrics_of(where)["calibration"]
    assert (calibration["temperature"], calibration["fitted_on"]) == (1.0, None)


def test_a_stack_of_other_classes_than_its_metrics_is_told(rejected, stack_run, tmp_path):
    run = shutil.copytree(stack_run, tmp_path / "stack")
    (run / "metrics.json").write_text(json.dumps({**metrics_of(run), "labels": ["sad", "angry", "neutral"]}))
    assert "stack.json's classes are angry, sad, neutral, those of metrics.json are sad, angry" in rejected(run=run)


def test_a_member_that_is_another_model_now_is_told(rejected, stack_run, tmp_path):
    whole = shutil.copytree(stack_run.parent, tmp_path / "whole")
    path = whole / "member" / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["recognizer"]["labels"] = ["neutral", "sad", "angry"]
    torch.save(checkpoint, path)
    told = rejected(run=whole / "stack")
    assert "is no longer the member that was stacked: it has the classes neutral, sad, angry at 16000 Hz" in told


def test_a_stack_is_scored_on_another_corpus(evaluated, stack_run, other_corpus):
    done, where = evaluated(*other_corpus, run=stack_run)
    assert done.code == 0, done.err
    saved, protocol = read_predictions(where / "predictions" / "test.csv"), metrics_of(where)["protocol"]
    assert len(saved) == protocol["parts"]["test"]["clips"] == 16
    np.testing.assert_allclose(saved["p_angry"] + saved["p_sad"], 1.0, atol=1e-6)
    assert yaml.safe_load((where / "config.yaml").read_text())["name"] == "stack on other"


@pytest.mark.slow
def test_a_stack_over_folds_has_heard_every_clip(
    evaluated, rejected, tone_corpus, tiny_arguments, tiny_run, run_job, tmp_path
):
    cache = tiny_run.parent
    for seed in (0, 1):
        sweep = [f"seed={seed}", "split=kfold", "split.folds=3", "split.fold=1,2,3"]
        overrides = tiny_arguments(tone_corpus, cache, *sweep, f"hydra.sweep.dir={tmp_path / f'member{seed}'}")
        assert run_job(train, "train", ["-m", *overrides]).code == 0
    made, members = tmp_path / "stack", [str(tmp_path / f"member{seed}") for seed in (0, 1)]
    settings = ["meta=logistic", "iterations=2", "inner_folds=2", "jobs=1", f"hydra.run.dir={made}"]
    done = run_job(stack, "stack", [f"runs=[{','.join(members)}]", *settings])
    assert done.code == 0, done.err
    assert "is a stack over folds: each clip was scored without what was trained on it" in rejected(run=made)
    done, where = evaluated("corpus=table", f"corpus.root={tone_corpus}", run=made)
    assert done.code == 0, done.err
    assert metrics_of(where)["protocol"]["shared_audio"]["train_test"] == 60


def test_votes_are_kept_beside_the_predictions(tiny_run):
    config = {"on_bad_audio": "error", "cache_dir": str(tiny_run.parent / "cache"), "data_dir": "data", "leaks": "warn"}
    data = own_data(read_finished(tiny_run), config)
    votes = np.random.default_rng(0).dirichlet(np.ones(2), size=len(data.table)).astype(np.float32)
    soft = replace(data, targets=votes, labels=("sad", "neutral"))
    soft = replace(soft, table=soft.table.with_columns(label=pl.lit("sad")))
    [(part, table)] = predict_parts(
        lambda clips, store: np.tile([0.5, 0.2, 0.3], (len(clips), 1)), soft, ("angry", "sad", "neutral"), parts=["val"]
    ).items()
    rows = (data.table["part"] == "val").to_numpy()
    assert part == "val"
    np.testing.assert_array_equal(table.select("q_sad", "q_neutral").to_numpy(), votes[rows])
    np.testing.assert_allclose(table.select("p_sad", "p_neutral").to_numpy(), [[0.4, 0.6]] * rows.sum(), rtol=1e-6)
    assert set(table["prediction"]) == {"neutral"}


def test_the_network_of_the_asked_classes_has_their_logits(tiny_run):
    network = load_trained(tiny_run).network
    image = torch.randn(2, 1, 64, 41, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(asked_network(network, [2, 0])(image), network(image)[:, [2, 0]])


def test_probabilities_among_some_classes_sum_to_one():
    p = np.random.default_rng(0).dirichlet(np.ones(4), size=5)
    made = among(p, [3, 1])
    np.testing.assert_allclose(made.sum(axis=1), 1.0)
    np.testing.assert_allclose(made[:, 0] / made[:, 1], p[:, 3] / p[:, 1])
    assert among(np.array([[1.0, 0.0, 0.0]]), [1, 2]).tolist() == [[0.5, 0.5]]
