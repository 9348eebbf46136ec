"""One training run from a resolved config: check, data, training, results.

Until training starts every error is the user's to mend and leaves nothing behind; from then on the run directory is
there and says what happened.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shlex
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning
from pytorch_lightning.loggers import Logger

from ser_lightning.announce import conclude, introduce
from ser_lightning.build import RunData, build_data, build_training, check, spread_of
from ser_lightning.collectives import leave
from ser_lightning.compiling import told_if_not_compiled
from ser_lightning.config import TrainSettings
from ser_lightning.data.module import SpeechData
from ser_lightning.errors import UserError
from ser_lightning.evaluation.report import write_report
from ser_lightning.files import write_text
from ser_lightning.illustration import build_examples
from ser_lightning.memory import told_if_out_of_memory
from ser_lightning.processes import followed, is_first, started
from ser_lightning.pruning import PrunedError, Watched, pruned
from ser_lightning.results import Found, calibrate, predict_parts, write_metrics
from ser_lightning.resuming import check_same, clean_up
from ser_lightning.run_files import ENVIRONMENT, keep_environment, write_run_files
from ser_lightning.run_state import CONFIG, PRUNED, RunState, num_epochs, run_state, write_config
from ser_lightning.stopping import StoppedError, StopRequest, requeue
from ser_lightning.strategy import Spread
from ser_lightning.task import EmotionTask
from ser_lightning.terminal import err, out
from ser_lightning.wandb_log import log_config, log_results


def train_run(
    config: Mapping[str, Any], run_dir: Path, *, sweep: str | None = None, trial: Watched | None = None
) -> None:
    """Train as configured and leave everything in `run_dir`; `sweep` is the name of the multirun that this is a job of.

    A `trial` of a search may be given up on its way; its folder then has no predictions, scores or report.

    Where the folder has this very run, unfinished, it goes on, and ends as if it had not been broken off; a finished
    one is left as it is. Raises UserError or RunFailedError, and StoppedError after a signal.
    """
    quieten()
    check(config, TrainSettings)
    state = run_state(run_dir)
    if state is not RunState.NEW:
        check_same(run_dir, config)
    if state is RunState.FINISHED:
        out.print(f"{run_dir} holds this run, finished: nothing is left to do", markup=False)
        return
    spread = spread_of(config)
    if trial is not None and spread.num_processes > 1:
        raise UserError("a pruner needs runs of one process each; set hydra.sweeper.pruner.name=none")
    stop = StopRequest()
    advice = out_of_memory_advice(config["data"]["batch_size"], config["trainer"]["accumulate_grad_batches"])
    with stop.listening(), told_if_out_of_memory(advice), told_if_not_compiled():
        try:
            _begin(config, run_dir, state)
            _train(config, run_dir, stop, spread, sweep=sweep, trial=trial)
        except PrunedError as pruned:
            write_text(run_dir / PRUNED, json.dumps({"epoch": pruned.epoch}) + "\n")
            out.print(str(pruned), markup=False)
        except UserError:
            if state is RunState.NEW:
                for name in (CONFIG, ENVIRONMENT):
                    (run_dir / name).unlink(missing_ok=True)
            raise
        except StoppedError as stopped:
            _tell_how_to_go_on(stopped, run_dir, sweep=sweep)
            raise
        finally:
            leave()


def _begin(config: Mapping[str, Any], run_dir: Path, state: RunState) -> None:
    """Write config.yaml before audio is prepared, so that a run can go on whenever it is killed; or tidy up after."""
    if not is_first(os.environ):
        return
    if state is RunState.NEW:
        write_config(run_dir, config)
    else:
        clean_up(run_dir)


def _train(
    config: Mapping[str, Any],
    run_dir: Path,
    stop: StopRequest,
    spread: Spread,
    *,
    sweep: str | None,
    trial: Watched | None,
) -> None:
    """Train and evaluate, with as many processes as the run is spread over; the first one prints and writes."""
    first = is_first(os.environ)
    data = build_data(config, compare_parts=first)
    last = run_dir / "checkpoints" / "last.ckpt"
    going_on = last if last.exists() else None
    built_from = without_weights(config) if going_on else config
    with contextlib.ExitStack() as others:
        if not first:
            task, module, trainer, _ = build_training({**built_from, "logger": {}}, data, run_dir, stop=stop)
            _fit_and_predict(task, module, trainer, config, run_dir, going_on)
            return
        run_id = keep_environment(run_dir, config, data.table)
        if spread.num_processes > 1 and started(os.environ) is None:
            others.enter_context(followed(run_dir, spread.num_processes))
        task, module, trainer, loggers = build_training(
            built_from, data, run_dir, run_id=run_id, sweep=sweep, stop=stop
        )
        log_config(loggers, config, data.protocol)
        introduce(data, task, trainer, config, spread)
        write_run_files(run_dir, data.table, data.clips.left_out, data.leaks)
        if going_on:
            out.print(f"going on after epoch {num_epochs(run_dir)}, from {last}", markup=False)
        found = _fit_and_predict(task, module, trainer, config, run_dir, going_on, trial)
    _conclude(task, module, data, found, loggers, run_dir)


def _fit_and_predict(
    task: EmotionTask,
    module: SpeechData,
    trainer: pytorch_lightning.Trainer,
    config: Mapping[str, Any],
    run_dir: Path,
    going_on: Path | None,
    trial: Watched | None = None,
) -> dict[str, Found]:
    """What every process does: train, and predict its share of all parts with the best checkpoint."""
    with pruned(trainer, trial):
        trainer.fit(task, datamodule=module, ckpt_path=going_on, weights_only=True)
    device, debug = trainer.strategy.root_device, config["trainer"]["debug"]
    return predict_parts(
        task.whole_network(), module, run_dir, num_classes=len(task.labels), device=device, debug=debug
    )


def _conclude(
    task: EmotionTask,
    module: SpeechData,
    data: RunData,
    found: Mapping[str, Found],
    loggers: Sequence[Logger],
    run_dir: Path,
) -> None:
    """Calibrate, score, report, and say so."""
    predictions = calibrate(found, data, run_dir)
    metrics = write_metrics(predictions, data, run_dir)
    test, network = predictions.tables["test"], task.whole_network().cpu()
    examples = build_examples(test, data.table, data.clips.store, task.frontend, network, window=module.window)
    report = write_report(run_dir, examples=examples)
    log_results(loggers, run_dir, predictions.tables, metrics, examples)
    conclude(metrics, run_dir, report)


def without_weights(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same, but for the weights that a network begins with: those of a checkpoint come over them.

    >>> without_weights({"model": {"backbone": "resnet18", "pretrained": True}})
    {'model': {'backbone': 'resnet18', 'pretrained': False}}
    """
    bare = {"pretrained": False, "weights": None}
    return {**config, "model": {key: bare.get(key, value) for key, value in config["model"].items()}}


def _tell_how_to_go_on(stopped: StoppedError, run_dir: Path, *, sweep: str | None) -> None:
    if is_first(os.environ):
        again = "the same command" if sweep else f"python -m ser_lightning.train resume={shlex.quote(str(run_dir))}"
        err.print(f"stopped by {stopped.signal.name}; this run goes on with: {again}", markup=False)
        if line := requeue(os.environ, stopped.signal):
            err.print(line, markup=False)


def out_of_memory_advice(batch_size: int, accumulate: int) -> str:
    """What to try when memory runs out.

    >>> print(out_of_memory_advice(32, 1))
    out of memory at data.batch_size=32; about the same effective batch in smaller steps:
      data.batch_size=16 trainer.accumulate_grad_batches=2
      data.batch_size=8 trainer.accumulate_grad_batches=4
    or a smaller backbone, shorter data.window_seconds, or fewer mel bins
    """
    smaller = [(batch_size // k, accumulate * k) for k in (2, 4) if batch_size >= k]
    lines = [f"  data.batch_size={size} trainer.accumulate_grad_batches={steps}\n" for size, steps in smaller]
    head = f"out of memory at data.batch_size={batch_size}"
    steps = f"; about the same effective batch in smaller steps:\n{''.join(lines)}or" if lines else "; try"
    return f"{head}{steps} a smaller backbone, shorter data.window_seconds, or fewer mel bins"


def quieten() -> None:
    """Leave out what libraries say that no user needs to act on."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # A batch is one gather from a memory map: more loader processes would be slower, not faster.
    warnings.filterwarnings("ignore", message=r"The '\w+' does not have many workers")
    # A frozen backbone is in evaluation mode on purpose.
    warnings.filterwarnings("ignore", message=r"Found \d+ module\(s\) in eval mode at the start of training")
    # What is logged without is pooled over the processes before it is logged.
    warnings.filterwarnings("ignore", message=r"It is recommended to use `self.log\(.*sync_dist=True")
    # The way that torch 2.11 has too.
    warnings.filterwarnings("ignore", message=r"`broadcast_buffers` is deprecated")
    # Lightning's own use of a torch function that torch 2.14 renamed.
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)` is deprecated")
