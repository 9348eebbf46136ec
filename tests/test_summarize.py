"""`summarize` and the end of a multirun, as commands."""

import json
import re
import shutil
import subprocess
import sys

import polars as pl
import pytest
import yaml

from ser_lightning.summarize import summarize
from ser_lightning.summarizing import tell_multirun
from ser_lightning.train import train


@pytest.fixture(scope="module")
def sweep(tiny_run, tmp_path_factory):
    """A multirun of two learning rates, made of one finished run."""
    folder = tmp_path_factory.mktemp("sweep")
    for number, lr in enumerate((0.001, 0.0003)):
        copy = folder / str(number)
        for name in ("config.yaml", "metrics.json", "predictions/test.csv"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(tiny_run / name, copy / name)
        config = yaml.safe_load((copy / "config.yaml").read_text())
        config["optimizer"]["lr"] = lr
        (copy / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_the_ranking_is_printed_under_its_protocol_and_left_as_files(sweep, run_job, tmp_path):
    run_dir = tmp_path / "summary"
    done = run_job(summarize, "summarize", [f"runs={sweep}", f"hydra.run.dir={run_dir}"])
    assert done.code == 0, done.err
    metrics = json.loads((sweep / "0" / "metrics.json").read_text())
    assert done.out.startswith(f"protocol: {metrics['protocol']['sentence']}\n")
    score = f"{metrics['test']['balanced_accuracy']:.3f}"
    assert re.search(rf"1 +optimizer.lr=0\.0003 +{re.escape(score)}", done.out)
    assert re.search(rf"2 +optimizer.lr=0\.001 +{re.escape(score)}", done.out)
    assert re.search(r"1 - 2 +\+0\.000 +1\.000 +1\.000 +1\.000", done.out)
    assert f"page:   {run_dir}/index.html" in done.out
    expected = {"index.html", "summary.csv", "pairs.csv", "speakers.csv", "confusion.csv", "table.tex"}
    assert expected <= {path.name for path in run_dir.iterdir()}
    assert (
        pl.read_csv(run_dir / "summary.csv")["balanced_accuracy"].to_list()
        == [pytest.approx(metrics["test"]["balanced_accuracy"])] * 2
    )


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ("nowhere", "nowhere is no folder; name a run directory, or the folder of a multirun"),
        ("[]", "runs=[] names none"),
        ("3", "runs=3: input should be a valid string"),
    ],
)
def test_a_mistake_is_told_and_leaves_nothing(runs, said, run_job, tmp_path):
    done = run_job(summarize, "summarize", [f"runs={runs}", f"hydra.run.dir={tmp_path / 'summary'}"])
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "summary").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"labels": ["angry"]}'])
def test_the_end_of_a_multirun_tells_of_a_broken_run_and_does_not_fail(sweep, tmp_path, capsys, text):
    broken = shutil.copytree(sweep, tmp_path / "sweep")
    (broken / "1" / "metrics.json").write_text(text)
    tell_multirun(broken, leak_gap=False)
    said = capsys.readouterr().err
    assert f"the runs of {broken} are not compared: " in said
    assert str(broken / "1" / "metrics.json") in said


def test_neither_the_command_nor_the_end_of_a_multirun_imports_torch():
    code = "import sys, ser_lightning.summarizing, ser_lightning.sweep_end; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_the_leak_gap_is_the_difference_of_the_two_runs(tone_corpus, tiny_arguments, tmp_path, run_job):
    sweep = f"hydra.sweep.dir={tmp_path / 'gap'}"
    arguments = tiny_arguments(tone_corpus, tmp_path, "+sweep=leak_gap", "trainer.max_epochs=1", sweep)
    done = run_job(train, "train", arguments)
    assert done.code == 0, done.err
    runs = [json.loads((tmp_path / "gap" / str(number) / "metrics.json").read_text()) for number in (0, 1)]
    assert [run["protocol"]["split"] for run in runs] == ["random", "speaker"]
    end = done.out.partition(f"=== all finished runs of {tmp_path / 'gap'}\n")[2]
    for run in runs:
        assert f"protocol, {run['protocol']['split']}: {run['protocol']['sentence']}\n" in end
    known, new = (run["test"]["balanced_accuracy"] for run in runs)
    assert re.search(rf"leak_gap +{known:.3f} +{new:.3f} +{re.escape(f'{known - new:+.3f}')} *\n", end)
    assert f"as files: python -m ser_lightning.summarize runs={tmp_path / 'gap'}" in end

    before = [path.stat().st_mtime_ns for path in sorted((tmp_path / "gap").glob("*/metrics.json"))]
    again = run_job(train, "train", arguments)
    assert again.code == 0
    assert again.out.count("finished already") == 2
    assert again.out.partition("=== all finished runs of")[2] == done.out.partition("=== all finished runs of")[2]
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "gap").glob("*/metrics.json"))] == before
