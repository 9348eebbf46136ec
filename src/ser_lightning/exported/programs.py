"""The model as an ONNX file and as a torch.export program: written, read back and run.

Both are made from one exported program. Whoever runs them needs onnxruntime, or torch, and nothing of ours.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch.export import Dim, ExportedProgram

from ser_lightning.errors import RunFailedError, UserError
from ser_lightning.exported.model import WaveModel
from ser_lightning.files import atomic_path

# onnxruntime looks up a telemetry host on import unless told not to; nothing of ours imports it but by this file.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

INPUT, OUTPUT = "wave", "probabilities"
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
OPSET = 20
"""17 is the first with STFT; torch.onnx writes 20 with fewer detours."""
METADATA = "metadata.json"
"""The name under which a torch.export archive holds the metadata."""

Runner = Callable[[Float32[np.ndarray, "batch time"]], Float32[np.ndarray, "batch class"]]
"""Waves at the model's rate -> probabilities."""


def check_packages() -> None:
    """Raise UserError where what ONNX needs is not installed."""
    missing = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(f"format=onnx needs {', '.join(missing)}: pip install 'ser-lightning[onnx]', or format=torch")


def export_program(model: WaveModel) -> ExportedProgram:
    """The graph of the model for any number of clips of any length; raises RunFailedError where there is none."""
    example = torch.zeros(2, model.window + model.window // 2)
    shapes = ({0: Dim("batch", min=1), 1: Dim("time", min=1)},)
    with quiet(), told("torch.export"):
        return torch.export.export(model, (example,), dynamic_shapes=shapes, strict=False)


def write_onnx(program: ExportedProgram, path: Path, metadata: Mapping[str, str]) -> None:
    """Write the program as one ONNX file with `metadata` in its metadata_props.

    Raises RunFailedError where it holds an operation that ONNX has not.
    """
    with quiet(), told("torch.onnx"):
        made = torch.onnx.export(
            program, dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=[OUTPUT], verbose=False
        )
        assert made is not None, "dynamo=True gives a program"
        made.model.metadata_props.update(metadata)
        with atomic_path(path) as temporary:
            made.save(temporary)


def write_torch(program: ExportedProgram, path: Path, metadata: Mapping[str, str]) -> None:
    """Write the program as a torch.export archive, with `metadata` in it as JSON."""
    with quiet(), atomic_path(path) as temporary, temporary.open("wb") as file:
        torch.export.save(program, file, extra_files={METADATA: json.dumps(metadata)})


def onnx_session(path: Path, *, threads: int = 0) -> Any:
    """An onnxruntime session on the CPU; `threads` 0: as many as there are cores."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run_onnx(path: Path) -> Runner:
    """The file's model in onnxruntime."""
    session = onnx_session(path)

    def run(wave: Float32[np.ndarray, "batch time"]) -> Float32[np.ndarray, "batch class"]:
        [probabilities] = session.run([OUTPUT], {INPUT: wave})
        made: Float32[np.ndarray, "batch class"] = probabilities
        return made

    return run


def run_torch(path: Path) -> Runner:
    """The file's model in torch."""
    module = torch.export.load(path).module()

    @torch.inference_mode()
    def run(wave: Float32[np.ndarray, "batch time"]) -> Float32[np.ndarray, "batch class"]:
        made: Float32[np.ndarray, "batch class"] = module(torch.from_numpy(wave)).numpy()
        return made

    return run


@contextmanager
def told(exporter: str) -> Iterator[None]:
    """Tell a backbone that cannot be exported as such."""
    try:
        yield
    except Exception as error:  # exporters fail in any way
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RunFailedError(f"{exporter} cannot take this network: {reason}; try another backbone") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what exporters say to their own makers from the user: deprecations within torch, advice, progress."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what fails is raised too
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
