"""Several jobs of a multirun at once on one machine: a share of the cores, a GPU each, and lines with their numbers.

Hydra calls it by `hydra.callbacks`, in the multirun's process and in each job's. It imports this file before every
command, so it imports nothing heavy at the top.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hydra.experimental.callback import Callback

from ser_lightning.launchers import cores_each

if TYPE_CHECKING:
    from filelock import FileLock
    from hydra.core.utils import JobReturn
    from omegaconf import DictConfig

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
SECONDS = 1.0
"""Between two looks at whether a place has become free, or the multirun is still there."""

_held: list[FileLock] = []
"""The place of this process among those that train at once: it keeps it, as CUDA keeps its device."""


class LocalJobs(Callback):
    """Of all jobs `jobs` train at once, each with its share of the cores, and a GPU of its own where there are some.

    With `prefix` the lines that a job prints begin with its number. A job whose multirun is gone stops.
    """

    def __init__(self, *, jobs: int, prefix: bool, places: bool = True) -> None:
        self.jobs, self.prefix, self.places = jobs, prefix, places
        self.parent = 0
        self.streams: tuple[TextIO, TextIO] | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: object) -> None:
        """Set the threads, which the jobs' processes inherit; what the user has set stays."""
        self.parent = os.getpid()
        for name in THREADS:
            os.environ.setdefault(name, str(cores_each(self.jobs)))

    def on_job_start(self, config: DictConfig, **kwargs: object) -> None:
        """In the process of a job, before anything of it."""
        folder = Path(config.hydra.runtime.output_dir)
        if self.prefix:
            self.streams = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = (PrefixedLines(stream, f"[{folder.name}] ") for stream in self.streams)
        if self.places and not _held:
            threading.Thread(target=_stop_with, args=(self.parent,), daemon=True).start()
            place = _take_place(folder.parent / ".places", self.jobs)
            if devices := _devices():
                os.environ["CUDA_VISIBLE_DEVICES"] = devices[place % len(devices)]

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: object) -> None:
        """The process may have other jobs."""
        if self.streams is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = self.streams


class PrefixedLines(io.TextIOBase):
    """A text stream that writes whole lines, each after `prefix`, so that those of several processes do not mix.

    >>> stream = PrefixedLines(sys.stdout, "[2] ")
    >>> print("one", "two", file=stream)
    [2] one two
    """

    def __init__(self, stream: TextIO, prefix: str) -> None:
        self.stream, self.prefix, self.begun = stream, prefix, ""

    def write(self, text: str) -> int:
        """Write what is complete; the rest waits for its end."""
        *lines, self.begun = (self.begun + text).split("\n")
        if lines:
            self.stream.write("".join(f"{self.prefix}{line}\n" if line else "\n" for line in lines))
            self.stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing of a line that has begun."""
        self.stream.flush()


def _devices() -> list[str]:
    """The GPUs of this machine, as CUDA_VISIBLE_DEVICES names them."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name for name in given.split(",") if name]
    import torch

    # Lightning's jobs begin after this, and CUDA looks at the variable when it is used first.
    return [str(number) for number in range(torch.cuda.device_count())]


def _take_place(folder: Path, jobs: int) -> int:
    """Wait until one of `jobs` places is free, and keep it until this process ends; its number."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    told = False
    while True:
        for number in range(jobs):
            lock = FileLock(folder / str(number))
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            _held.append(lock)
            return number
        if not told:
            print(f"waits until fewer than {jobs} jobs are training", flush=True)
            told = True
        time.sleep(SECONDS)


def _stop_with(parent: int) -> None:
    """Tell this process to stop, by SIGTERM, when the multirun's process has ended."""
    while True:
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        time.sleep(SECONDS)
