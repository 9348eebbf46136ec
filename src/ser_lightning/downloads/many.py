"""Many files at once, in a few threads: the first that fails stops the others, what came stays for the next call."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from ser_lightning.downloads.fetch import Line, Remote, fetch
from ser_lightning.terminal import err


def fetch_all(remotes: Sequence[Remote], folder: Path, line: Line) -> None:
    """Fetch each to its path below `folder`; raises the first failure once the threads have stopped.

    Simple queues, not an executor: Ctrl-C may come at any point of the main thread, and an executor that it finds
    holding a lock waits for its threads for ever.
    """
    waiting: SimpleQueue[Remote] = SimpleQueue()
    done: SimpleQueue[BaseException | None] = SimpleQueue()
    for remote in remotes:
        waiting.put(remote)

    def work() -> None:
        with suppress(Empty):
            while not line.stop.is_set():
                remote = waiting.get_nowait()
                try:
                    fetch(remote, folder, line)
                except BaseException as error:  # told by the main thread
                    done.put(error)
                    return
                done.put(None)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(line.threads)]
    try:
        for thread in threads:
            thread.start()
        for _ in remotes:
            failure = done.get()
            if failure is not None:
                raise failure
    except BaseException:
        line.stop.set()
        raise
    finally:
        for thread in threads:
            if thread.is_alive():
                thread.join(line.timeout_seconds)


@dataclass
class Bar:
    """A progress bar on the error console that adds up the bytes of many files, fetched by many threads."""

    bar: Progress
    label: str
    _here: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._task = self.bar.add_task(self.label, total=None)

    def expect(self, num_bytes: int | None) -> None:
        """Say how many bytes there are in all, and start counting at none."""
        with self._lock:
            self._here.clear()
        self.bar.update(self._task, total=num_bytes, completed=0)

    def __call__(self, path: str, num_bytes: int) -> None:
        """Say how many bytes of a file are here."""
        with self._lock:
            before = self._here.get(path, 0)
            self._here[path] = num_bytes
        self.bar.advance(self._task, num_bytes - before)


@contextmanager
def metered(label: str) -> Iterator[Bar]:
    """A bar while the block runs; none where the error console is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        yield Bar(bar, label)
