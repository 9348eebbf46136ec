"""Compiled training steps, and what is said where torch cannot compile them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytorch_lightning

from ser_lightning.errors import RunFailedError
from ser_lightning.task import EmotionTask

CompileMode = Literal["default", "reduce-overhead", "max-autotune"]
COMPILERS = ("torch._dynamo", "torch._inductor")
"""Where torch's compiling errors are defined; importing them takes seconds, and most runs compile nothing."""


class CompiledSteps(pytorch_lightning.Callback):
    """Compiles the network's part of the training steps, the first of which then takes a minute or more."""

    def __init__(self, *, mode: CompileMode) -> None:
        self.mode = mode

    def on_fit_start(self, trainer: pytorch_lightning.Trainer, task: pytorch_lightning.LightningModule) -> None:
        """Compile when the network is where it trains."""
        assert isinstance(task, EmotionTask), "ours"
        task.compile_steps(self.mode)


@contextmanager
def told_if_not_compiled() -> Iterator[None]:
    """Raise RunFailedError where torch cannot compile; any other error passes."""
    try:
        yield
    except RuntimeError as error:
        if not type(error).__module__.startswith(COMPILERS):
            raise
        raise RunFailedError(
            f"trainer.compile: torch cannot compile the network here: {str(error).splitlines()[0]}; "
            "trainer.compile=null trains without"
        ) from None
