"""Every mistake is one message and exit code 2; nothing is started, nothing is left."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from ser_lightning.prepare import prepare
from ser_lightning.train import train

ROOT = Path(__file__).parent.parent


def write_table(folder, speakers=("ann", "ben", "cat"), emotions=("angry", "sad"), extra=()):
    rng = np.random.default_rng(0)
    rows = []
    for speaker in speakers:
        for emotion in emotions:
            name = f"{speaker}_{emotion}.wav"
            soundfile.write(folder / name, 0.1 * rng.standard_normal(4000), 16000)
            rows.append({"path": name, "emotion": emotion, "speaker": speaker})
    pl.DataFrame([*rows, *extra]).write_csv(folder / "clips.csv")
    return f"corpus.root={folder / 'clips.csv'}"


@pytest.fixture
def table(tmp_path):
    return ["corpus=table", write_table(tmp_path), f"cache_dir={tmp_path / 'cache'}"]


def rejected(run_job, tmp_path, overrides):
    """The error output of a command that must be refused with nothing left behind."""
    run_dir = tmp_path / "runs" / "a" / "b"
    result = run_job(train, "train", [*overrides, f"hydra.run.dir={run_dir}"])
    assert result.code == 2, result.err
    assert "Traceback" not in result.err
    assert not run_dir.exists()
    return result.err


MISTAKES = {
    "wrong type": (["data.batch_size=many"], "data.batch_size='many': input should be a valid integer"),
    "number in quotes": (["data.batch_size='16'"], "data.batch_size='16': input should be a valid integer"),
    "misspelt key": (["optimizer.lrr=1"], "optimizer.lrr: no such key; did you mean 'lr'?"),
    "misspelt key with ++": (["++optimizer.lrr=1"], "optimizer.lrr: no such key; did you mean 'lr'?"),
    "misspelt top-level key": (["++seeed=1"], "seeed: no such key; did you mean 'seed'?"),
    "misspelt group": (["optimzer=adamw"], "optimzer: no such key; did you mean 'optimizer'?"),
    "unknown option": (["split=rndom"], "split=rndom: there is no split 'rndom'; did you mean 'random'?"),
    "unknown experiment": (["+experiment=effb9"], "there is no experiment 'effb9'; did you mean 'effb7' or 'effb0'?"),
    "wrong target": (
        ["optimizer._target_=ser_lightning.optimizers.adamww"],
        "optimizer._target_: 'ser_lightning.optimizers' has no 'adamww'; did you mean 'adamw'?",
    ),
    "wrong module": (
        ["optimizer._target_=ser_lightning.optimizer.adamw"],
        "there is no module 'ser_lightning.optimizer'; did you mean 'ser_lightning.optimizers'",
    ),
    "target that is no function": (["optimizer._target_=os.sep"], "optimizer._target_: 'os.sep' cannot be called"),
    "negative rate": (["optimizer.lr=-1"], "optimizer.lr=-1: input should be greater than 0"),
    "fraction beyond one": (["split.test_fraction=1.5"], "split.test_fraction=1.5: input should be less than 1"),
    "unknown choice": (["loss.weights=inverted"], "loss.weights='inverted': input should be 'inverse', 'balanced'"),
    "unknown backbone": (["model.backbone=resnet1800"], "timm has no model 'resnet1800'; did you mean 'resnet18'"),
    "unknown label set": (["label_set=paper8"], "'paper8' is none of the label sets; did you mean 'paper7'?"),
    "label set without its labels": (["label_set=eight"], "has classes that no clip has: neutral, calm, happy"),
    "unknown emotion in a label set": (
        ["label_set={a:[angri],b:[sad]}"],
        "'angri' is no emotion; did you mean 'angry'?",
    ),
    "nested augmentation key": (["++augment.wave.gain.hi_db=3"], "augment.wave.gain.hi_db: no such key"),
    "missing corpus folder": (["corpus=tess", "corpus.root=/nowhere"], "/nowhere does not exist"),
    "corpus not in data_dir": (
        ["corpus=tess", "corpus.root=null", "data_dir=/nowhere"],
        "no folder of tess in data_dir=/nowhere",
    ),
    "list of corpora": (["corpus=[tess,ravdess]"], "corpus=several corpus.names=[tess,ravdess]"),
    "switched off the wrong way": (["augment.wave.noise=false"], "a _target_ is needed, or null to switch it off"),
    "path that needs quotes": (["corpus.root=~/TESS"], "put the value in quotes: \"corpus.root='~/TESS'\""),
    "name that is a path": (["name=a/b"], "name='a/b': a run's name is that of a folder"),
    "window longer than the transform": (["frontend.win_length=2048"], "win_length=2048 must not be longer than"),
    "frequency beyond half the rate": (["frontend.f_max=9000"], "f_min < f_max <= sample_rate / 2"),
    "window shorter than a transform": (["data.window_seconds=0.01"], "must be longer than half an FFT"),
    "no GPU": (["trainer=gpu"], "No supported gpu backend found"),
    "cache that cannot be": (["cache_dir=/proc/nowhere"], "decoded audio cannot be kept in cache_dir=/proc/nowhere"),
    "unknown test speaker": (["split.test_speakers=[anne]"], "no clip is of speaker 'anne'; did you mean 'ann'?"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_what_to_do(name, table, run_job, tmp_path):
    overrides, message = MISTAKES[name]
    assert message in rejected(run_job, tmp_path, [*table, *overrides])


def test_several_mistakes_are_listed_together(run_job, tmp_path):
    told = rejected(
        run_job,
        tmp_path,
        [
            "corpus=tess",
            "corpus.root=/nowhere",
            "data.batch_size=many",
            "optimizer.lr=-1",
            "++model.hiden=3",
            "optimzer.lr=3",
            "split=rndom",
        ],
    )
    assert "6 things to mend" in told
    for part in ("/nowhere", "data.batch_size", "optimizer.lr=-1", "model.hiden", "optimzer", "split=rndom"):
        assert part in told


def test_a_misspelt_key_in_an_experiment_file(table, run_job, tmp_path):
    folder = tmp_path / "extra" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nname: mine\nmodel:\n  hiden: 3\nsead: 4\n")
    told = rejected(run_job, tmp_path, [*table, f"hydra.searchpath=[file://{folder.parent}]", "+experiment=mine"])
    assert "model.hiden: no such key; did you mean 'hidden'?" in told
    assert "sead: no such key; did you mean 'seed'?" in told


def test_an_unknown_emotion_in_a_table(run_job, tmp_path):
    root = write_table(tmp_path, extra=[{"path": "x.wav", "emotion": "hapy", "speaker": "dan"}])
    told = rejected(run_job, tmp_path, ["corpus=table", root])
    assert "clips.csv, row 7: unknown emotion 'hapy'; did you mean 'happy'" in told


def test_a_speaker_split_of_one_speaker(run_job, tmp_path):
    root = write_table(tmp_path, speakers=("ann",))
    told = rejected(run_job, tmp_path, ["corpus=table", root, f"cache_dir={tmp_path / 'cache'}"])
    assert "split=speaker needs at least 2 speakers, the data has 1 (table/ann); use split=random" in told


def test_bad_audio_stops_a_run_with_one_report_and_skip_goes_on(run_job, tmp_path):
    extra = [{"path": name, "emotion": "sad", "speaker": "dan"} for name in ("empty.wav", "text.wav", "gone.wav")]
    root = write_table(tmp_path, extra=extra)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no audio, only words that somebody saved under a wrong name\n")
    overrides = ["corpus=table", root, f"cache_dir={tmp_path / 'cache'}", "trainer=debug", "model.backbone=test_resnet"]
    told = rejected(run_job, tmp_path, overrides)
    assert "3 of 9 files cannot be used" in told
    for reason in ("empty.wav: is empty", "text.wav: is no audio", "gone.wav: cannot be opened: no such file"):
        assert reason in told
    run_dir = tmp_path / "skipped"
    done = run_job(train, "train", [*overrides, "on_bad_audio=skip", f"hydra.run.dir={run_dir}"])
    assert done.code == 0, done.err
    assert len(pl.read_csv(run_dir / "left_out.csv")) == 3
    assert len(pl.read_csv(run_dir / "split.csv")) == 6


def test_prepare_makes_the_store_that_train_finds(table, run_job, tmp_path):
    first = run_job(prepare, "prepare", table)
    assert first.code == 0
    assert "6 clips, 3 speakers" in first.out
    [store] = (tmp_path / "cache").glob("table-*/samples-00000.i16")
    made = store.stat().st_mtime_ns
    assert run_job(prepare, "prepare", [*table, "verify=true"]).out.endswith(
        "verified: 6 clips are as the store has them\n"
    )
    assert store.stat().st_mtime_ns == made


def test_prepare_refuses_what_it_does_not_know(table, run_job):
    result = run_job(prepare, "prepare", [*table, "sample_rat=8000"])
    assert result.code == 2
    assert "sample_rat: no such key; did you mean 'sample_rate'?" in result.err


def command(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "ser_lightning.train", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("question", [["--cfg", "job"], ["--help"]])
def test_questions_are_answered_without_torch(question, tmp_path):
    blocked = tmp_path / "torch"
    blocked.mkdir()
    (blocked / "__init__.py").write_text("raise RuntimeError('torch was imported')\n")
    done = command(*question, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "max_epochs: 30" in done.stdout
    assert not done.stderr


def test_an_exit_code_reaches_the_shell(tmp_path):
    done = command("split=rndom", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no split 'rndom'" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.slow
def test_an_installed_wheel_finds_its_configs(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    assert (tmp_path / "site" / "ser_lightning" / "evaluation" / "report.html.j2").exists()
    done = command("--cfg", "job", "+experiment=effb7", cwd=tmp_path, PYTHONPATH=str(tmp_path / "site"))
    assert done.returncode == 0, done.stderr
    assert "tf_efficientnet_b7" in done.stdout


@pytest.mark.parametrize("there", ["an empty run directory", "the working directory"])
def test_a_mistake_removes_no_folder_that_was_there(run_job, tmp_path, monkeypatch, there):
    folder = tmp_path / "here" / "empty"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder if there == "the working directory" else tmp_path)
    where = "." if there == "the working directory" else folder
    done = run_job(train, "train", ["data.batch_size=0", f"hydra.run.dir={where}"])
    assert done.code == 2
    assert folder.is_dir()
    assert list(folder.iterdir()) == []
