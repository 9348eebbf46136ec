"""Which numbered folder of a multirun a job has, so that the same command again goes on where it was broken off.

A job is known by the hash of its config, never by its number: when values are added to a sweep, the jobs that were
there before are others' by number. One process decides for all jobs before the first of them starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ser_lightning.errors import UserError
from ser_lightning.run_state import RunState, config_hash, read_config, run_state


@dataclass(frozen=True)
class Place:
    """The number of a job's folder, how far a run of the job's config came there, and which job has it already.

    `same_as` is the position of an earlier job of the same config, which is run once; None where there is none.
    """

    number: int
    state: RunState
    same_as: int | None = None


def place_jobs(folder: Path, hashes: Sequence[str | None]) -> list[Place]:
    """The place of each job in a multirun's folder, by the hash of its config, or None where that cannot be known.

    A job whose run is there has that run's folder, finished rather than not; any other one the first free number.
    """
    runs = found_runs(folder)
    taken = {int(path.name) for path in folder.glob("*") if path.name.isdecimal() and not _is_empty(path)}
    places: list[Place] = []
    first: dict[str, int] = {}
    for position, job_hash in enumerate(hashes):
        if job_hash in first:
            earlier = places[first[job_hash]]
            places.append(Place(earlier.number, earlier.state, same_as=first[job_hash]))
            continue
        if job_hash is not None:
            first[job_hash] = position
        if job_hash in runs:
            place = Place(int(runs[job_hash].name), run_state(runs[job_hash]))
        else:
            place = Place(next(number for number in range(len(taken) + 1) if number not in taken), RunState.NEW)
        taken.add(place.number)
        places.append(place)
    return places


def found_runs(folder: Path) -> dict[str | None, Path]:
    """The runs in the numbered folders of a multirun by the hash of their config; of several a finished one, the first.

    A folder whose config.yaml cannot be read is nobody's, and stays as it is.
    """
    found: dict[str | None, Path] = {}
    numbered = sorted((path for path in folder.glob("*") if path.name.isdecimal()), key=lambda path: int(path.name))
    for wanted in (RunState.FINISHED, RunState.UNFINISHED):
        for path in numbered:
            if run_state(path) is wanted:
                try:
                    found.setdefault(config_hash(read_config(path)), path)
                except UserError:
                    continue
    return found


@contextmanager
def running_alone(folder: Path) -> Iterator[None]:
    """Hold a folder, that of a multirun or of a job, for the block; raises UserError where another process holds it.

    The lock ends with the process, however that ends.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / f".{folder.name}.lock"
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(f"{folder} is in use by another process; wait for it, or stop it, and start again") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _is_empty(path: Path) -> bool:
    return path.is_dir() and next(path.iterdir(), None) is None
