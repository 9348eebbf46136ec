"""The folder of an export: made out of sight, and moved to its place file by file once all of it is there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save

from ser_lightning.exported.model import WaveModel
from ser_lightning.recognition.checkpoint import Description

ONNX, TORCH, INT8 = "model.onnx", "model.pt2", "model_int8.onnx"
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
MODELS = (ONNX, INT8, TORCH)
OURS = (*MODELS, WEIGHTS, CONFIG, CARD)
"""The card comes last, so that it never speaks of what is not there yet."""


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder`, whose files go there when the block ends well; else nothing of it is left.

    Files of ours that an earlier export left and this one has not made are removed; a user's stay.
    """
    hidden = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    try:
        yield hidden
        folder.mkdir(exist_ok=True)
        for name in OURS:
            if (hidden / name).exists():
                (hidden / name).replace(folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def write_weights(model: WaveModel, about: Description, path: Path) -> None:
    """Write the tensors of the network and the frontend under the names that a checkpoint has for them."""
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    path.write_bytes(save(tensors, {"format": "pt", "recognizer": json.dumps(asdict(about))}))
