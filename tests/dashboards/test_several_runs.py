"""Several W&B runs of one process: a multirun's share a group, and none takes over another's."""

import json
import shutil

from ser_lightning.evaluation.predictions import read_predictions
from ser_lightning.loggers import LoggedRun, wandb
from ser_lightning.train import train
from ser_lightning.wandb_log import log_config, log_results


def test_jobs_of_a_multirun_are_runs_of_one_group(tone_corpus, tiny_arguments, tmp_path, run_job, no_key, read_logged):
    more = ("trainer=debug", "logger=wandb", f"hydra.sweep.dir={tmp_path / 'leak gap'}", "seed=0,1")
    assert run_job(train, "train", ["-m", *tiny_arguments(tone_corpus, tmp_path, *more)]).code == 0
    runs = [read_logged(tmp_path / "leak gap" / job).of("run")[0] for job in ("0", "1")]
    assert [run.run_group for run in runs] == ["leak gap", "leak gap"]
    assert runs[0].run_id != runs[1].run_id
    assert [run.display_name for run in runs] == ["test_resnet/0", "test_resnet/1"]


def test_a_job_that_failed_leaves_no_open_run_to_the_next(tiny_run, tmp_path, no_key, read_logged):
    """The first is started and never finished; the second has its own group, which goes before the multirun's name."""
    finished = shutil.copytree(tiny_run, tmp_path / "finished")
    metrics = json.loads((finished / "metrics.json").read_text())
    tables = {"test": read_predictions(finished / "predictions" / "test.csv")}
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        run = LoggedRun(folder=tmp_path / name, name="tones", sweep="swept", tags=("x" * 70,))
        loggers = [wandb(run, group="mine" if name == "second" else None)]
        log_config(loggers, {"seed": 0}, metrics["protocol"])
    log_results(loggers, finished, tables, metrics, [])
    first, second = (read_logged(tmp_path / name) for name in ("first", "second"))
    assert [run.of("exit")[0].exit_code for run in (first, second)] == [1, 0]
    assert [run.of("run")[0].run_group for run in (first, second)] == ["swept", "mine"]
    assert [list(run.of("run")[0].tags) for run in (first, second)] == [["x" * 64]] * 2
    assert second.table("test_mistakes").is_empty()
