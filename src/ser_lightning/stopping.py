"""Being asked to stop: SIGTERM and SIGUSR1 as schedulers send them, SIGINT as Ctrl-C does.

While steps are trained a signal is only noted, and the checkpoint callback saves and stops between two steps. At any
other time all that is on disk is whole, so the process ends at once; so it does at a second signal.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from ser_lightning.processes import is_first
from ser_lightning.terminal import err

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
EXIT_CODE = 1


class StoppedError(SystemExit):
    """A signal ended the run. No error that a multirun would go on after: nothing catches it but its process' end."""

    def __init__(self, number: int) -> None:
        super().__init__(EXIT_CODE)
        self.signal = signal.Signals(number)


class StopRequest:
    """Whether a signal has asked this process to stop; `deferred` while somebody looks at it between steps."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.deferred = False

    def install(self) -> None:
        """Listen; in the main thread only, as Python has it."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._handle)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen within the block, and leave the handlers as they were."""
        before = [signal.getsignal(number) for number in SIGNALS]
        self.install()
        try:
            yield
        finally:
            if threading.current_thread() is threading.main_thread():
                for number, handler in zip(SIGNALS, before, strict=True):
                    signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.deferred or self.signal is not None:
            raise StoppedError(number)
        self.signal = signal.Signals(number)
        if is_first(os.environ):
            err.print(f"{self.signal.name}: stopping after this step; once more stops without saving")


def requeue(environment: Mapping[str, str], number: signal.Signals) -> str:
    """Ask SLURM to run this job again where it warned of the time limit by SIGUSR1; what it answered, in a line.

    After SIGTERM, as at a preemption, SLURM requeues by itself.
    """
    if number is not signal.SIGUSR1 or "SLURM_JOB_ID" not in environment:
        return ""
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    job = f"{array}_{task}" if array and task else environment["SLURM_JOB_ID"]
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"SLURM job {job} was not requeued: {error}"
    if done.returncode:
        return f"SLURM job {job} was not requeued: {done.stderr.strip() or f'scontrol ended with {done.returncode}'}"
    return f"SLURM job {job} is requeued"
