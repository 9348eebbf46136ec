"""How much of the training steps is input: waiting for a batch, its way to the device, augmentation and log-mel.

On a GPU, where the host only queues work, moments are events in the device's own queue. They are read once an epoch, so
that no step waits for them.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import torch


class Moment(Protocol):
    """A point in time on a device, as torch.cuda.Event is."""

    def elapsed_time(self, end_event: Any) -> Any:
        """Milliseconds until another moment of the same kind."""


class HostMoment(NamedTuple):
    """A reading of the host's clock: what a CPU computes is done when the call returns."""

    seconds: float

    def elapsed_time(self, end_event: HostMoment) -> float:
        """Milliseconds until another moment."""
        return 1000 * (end_event.seconds - self.seconds)


class StepClock:
    """Notes when each batch of an epoch is ready and when its step is done.

    A step lasts from the end of the one before it to its own end; its input until its batch is ready.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.moments: list[Moment] = []

    def start(self) -> None:
        """Begin an epoch."""
        self.moments = [self._now()]

    def tick(self) -> None:
        """Note a moment: in turn, that a batch is ready, and that its step is done."""
        self.moments.append(self._now())

    def input_share(self) -> float:
        """Input time / step time over all steps since `start`, 0 to 1; NaN where there was none."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        taken = [one.elapsed_time(other) for one, other in pairwise(self.moments)]
        whole = sum(taken)
        return sum(taken[::2]) / whole if whole else float("nan")

    def _now(self) -> Moment:
        if self.device.type != "cuda":
            return HostMoment(time.perf_counter())
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self.device))
        return event
