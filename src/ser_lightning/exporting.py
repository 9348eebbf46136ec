"""The work of `export`: a run's model as files that need nothing of ours, compared with it before they are kept.

What says something else than the run's model never lies in the folder. Its clips are those of the run's own test part,
decoded anew; where their audio is gone, sounds are made up, and that is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from ser_lightning.cli import conf_dir
from ser_lightning.config import ExportSettings, config_problems
from ser_lightning.errors import RunFailedError, UserError
from ser_lightning.evaluation.report_run import Run, read_run
from ser_lightning.evaluation.runs import read_finished
from ser_lightning.exported.card import CardFacts, Cited, model_card
from ser_lightning.exported.facts import description, metadata
from ser_lightning.exported.folder import CARD, CONFIG, INT8, MODELS, ONNX, TORCH, WEIGHTS, staged, write_weights
from ser_lightning.exported.hub import push
from ser_lightning.exported.model import WaveModel
from ser_lightning.exported.parity import Compared, as_wave, compared, largest_difference, made_sounds
from ser_lightning.exported.programs import (
    Runner,
    check_packages,
    export_program,
    run_onnx,
    run_torch,
    write_onnx,
    write_torch,
)
from ser_lightning.exported.quantized import quantize
from ser_lightning.files import write_text
from ser_lightning.recognition.checkpoint import Description, Trained, load_trained, read_checkpoint
from ser_lightning.run_names import CHECKPOINT, STACK_FILE
from ser_lightning.terminal import out
from ser_lightning.tested_clips import HeardClips, hear_test_part

FOLDER = "export"
MADE_UP = Cited(title="synthetic, sounds made up by ser_lightning", licence="MIT", citation="none")
Measured = dict[str, Any]
"""What was found of one file: bytes, largest_difference; of one in 8 bits also clips, accuracy, accuracy_before."""


class Source(NamedTuple):
    """What is exported: a run's files, its model, and what that is made of."""

    path: Path
    run: Run
    trained: Trained
    about: Description


class Heard(NamedTuple):
    """What is compared; `clips` is None where sounds were made up, and `says` tells either."""

    what: Compared
    clips: HeardClips | None
    says: str


def export_run(config: Mapping[str, Any]) -> None:
    """Export into `<run>/export`; raises UserError, or RunFailedError where a file says another thing."""
    _check(config)
    source = _read(Path(config["run"]).expanduser())
    out.print(f"model: {source.path} ({source.about.network['backbone']})", markup=False)
    out.print(f"protocol: {source.run.metrics['protocol']['sentence']}", markup=False)
    heard = _heard(source, config)
    folder = source.path / FOLDER
    before = {name for name in MODELS if (folder / name).exists()}
    with staged(folder) as hidden:
        model = WaveModel(source.trained)
        files = _write_models(hidden, model, source, heard, config)
        write_weights(model, source.about, hidden / WEIGHTS)
        write_text(hidden / CONFIG, json.dumps(description(source.about, files), indent=1, ensure_ascii=False) + "\n")
        write_text(hidden / CARD, model_card(source.run, _card_facts(source, files, heard)))
    if gone := sorted(before - files.keys()):
        out.print(f"removed: {', '.join(gone)} of an earlier export; format=both makes both", markup=False)
    out.print(f"folder: {folder}, ready for a model hub; its card is {CARD}", markup=False)
    if config["push"]:
        out.print(f"uploaded: {push(folder, config['push'])}", markup=False)


def _check(config: Mapping[str, Any]) -> None:
    """Raise UserError with all that is wrong with the config."""
    problems = config_problems(config, ExportSettings)
    if not problems and config["quantize"] and config["format"] == "torch":
        problems.append("quantize=int8 makes a second ONNX file; give format=onnx or format=both, or leave it out")
    if problems:
        raise UserError(problems)
    if config["format"] != "torch":
        check_packages()


def _read(path: Path) -> Source:
    """The run and its model; raises UserError where it is none, a stack, or its files are of different runs."""
    if (path / STACK_FILE).exists():
        raise UserError(f"{path} is a stack of several models, which no single file holds; export one of its members")
    read_finished(path)
    run = read_run(path)
    trained = load_trained(path)
    about, _ = read_checkpoint(path / CHECKPOINT, lazily=True)
    if trained.labels != tuple(run.labels):
        raise UserError(
            f"{path}: the checkpoint's classes are {', '.join(trained.labels)}, those of metrics.json are "
            f"{', '.join(run.labels)}; they are of different runs"
        )
    return Source(path, run, trained, about)


def _heard(source: Source, config: Mapping[str, Any]) -> Heard:
    """The run's own test clips, or made-up sounds, and what the model says of them."""
    rate, seconds = source.trained.sample_rate, source.trained.window_seconds
    lengths = f"stretches of 0.3 s, {seconds:g} s and {2.6 * seconds:.3g} s, 1 and 3 at a time"
    try:
        clips = hear_test_part(source.run.finished, config, most=config["clips"], rate=rate)
    except UserError as error:
        reason = error.problems[0].split("; say what to evaluate on")[0]
        out.print(f"note: the run's test clips are not at hand, sounds are made up instead: {reason}", markup=False)
        return Heard(compared(source.trained, made_sounds(rate)), None, f"made-up sounds: {lengths}")
    what = compared(source.trained, clips.sounds)
    now = np.concatenate(what.expected[-len(clips.sounds) :])
    apart = float(np.abs(now - clips.predicted).max())
    out.print(f"model now and predictions/test.csv differ by {apart:.1e} at most, on {len(now)} test clips")
    return Heard(what, clips, f"{len(clips.sounds)} test clips, and of these {lengths}")


def _write_models(
    folder: Path, model: WaveModel, source: Source, heard: Heard, config: Mapping[str, Any]
) -> dict[str, Measured]:
    """Write each file that is asked for and compare it; raises RunFailedError where one differs."""
    program = export_program(model)
    about = metadata(source.run, source.about)
    files: dict[str, Measured] = {}
    if config["format"] in ("onnx", "both"):
        write_onnx(program, folder / ONNX, about)
        files[ONNX] = _compared(folder / ONNX, run_onnx(folder / ONNX), heard, config["tolerance"])
    if config["format"] in ("torch", "both"):
        write_torch(program, folder / TORCH, about)
        files[TORCH] = _compared(folder / TORCH, run_torch(folder / TORCH), heard, config["tolerance"])
    if config["quantize"]:
        quantize(folder / ONNX, folder / INT8)
        files[INT8] = _cost(folder, heard)
    return files


def _compared(path: Path, run: Runner, heard: Heard, tolerance: float) -> Measured:
    """What was measured of a file; raises RunFailedError where it differs from the model by more than `tolerance`."""
    largest = largest_difference(run, heard.what)
    if largest > tolerance:
        raise RunFailedError(
            f"{path.name} differs from the model by {largest:.1e} at most (on {heard.says}), more than "
            f"tolerance={tolerance:g}; it was not kept"
        )
    size = path.stat().st_size
    out.print(
        f"{path.name}: {size / 1e6:.1f} MB, differs from the model by {largest:.1e} at most (allowed: {tolerance:g}), "
        f"on {heard.says}",
        markup=False,
    )
    return {"bytes": size, "largest_difference": largest}


def _cost(folder: Path, heard: Heard) -> Measured:
    """What 8 bits cost: size, largest difference, and accuracy before and after where there are test clips."""
    run, whole = run_onnx(folder / INT8), run_onnx(folder / ONNX)
    size, before = (folder / INT8).stat().st_size, (folder / ONNX).stat().st_size
    largest = largest_difference(run, heard.what)
    measured: Measured = {"bytes": size, "largest_difference": largest}
    accuracy = "accuracy is not known without test clips"
    if heard.clips is not None:
        after, of_whole = _accuracy(run, heard.clips), _accuracy(whole, heard.clips)
        measured |= {"clips": len(heard.clips.sounds), "accuracy": after, "accuracy_before": of_whole}
        accuracy = f"accuracy {after:.3f}, was {of_whole:.3f}, on {len(heard.clips.sounds)} test clips"
    out.print(
        f"{INT8}: {size / 1e6:.1f} MB, was {before / 1e6:.1f}; {accuracy}; differs from the model by {largest:.1e} at "
        "most (no bound is set)",
        markup=False,
    )
    return measured


def _accuracy(run: Runner, clips: HeardClips) -> float:
    """The share of test clips that a file names rightly."""
    guesses = [int(run(as_wave(sound[None])).argmax()) for sound in clips.sounds]
    return float(np.mean(np.array(guesses) == clips.truth))


def _card_facts(source: Source, files: Mapping[str, Measured], heard: Heard) -> CardFacts:
    """What the card says besides the run's files; titles and licences of corpora are those that `download` prints."""
    places = yaml.safe_load((conf_dir() / "download.yaml").read_text(encoding="utf-8"))["places"]
    return CardFacts(
        name=str(source.run.config.get("name") or source.path.resolve().name),
        about=source.about,
        files=files,
        compared=heard.says,
        corpora={"synthetic": MADE_UP, **{name: Cited(**place["about"]) for name, place in places.items()}},
    )
