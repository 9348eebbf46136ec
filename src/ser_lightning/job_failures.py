"""The jobs of a multirun that failed, as one message at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ser_lightning.errors import RunFailedError, UserError

LONGEST = 300
"""Characters of an error; all of it was printed when it happened."""


@dataclass(frozen=True)
class FailedJob:
    """A job of a multirun: `number` is its folder, `overrides` are those of its config."""

    number: int
    overrides: Sequence[str]
    error: BaseException


def failure_message(failed: Sequence[FailedJob], num_jobs: int) -> str:
    """All of them, each with its error in a line, and what to do.

    >>> print(failure_message([FailedJob(1, ["seed=-1"], UserError("seed=-1: must be 0 or more"))], 3))
    1 of 3 jobs failed:
      job 1: seed=-1
        seed=-1: must be 0 or more
    the same command again runs only what is missing or failed
    """
    lines = [f"{len(failed)} of {num_jobs} jobs failed:"]
    for job in failed:
        lines += [f"  job {job.number}: {' '.join(job.overrides) or 'as configured'}", f"    {one_line(job.error)}"]
    return "\n".join([*lines, "the same command again runs only what is missing or failed"])


def one_line(error: BaseException) -> str:
    """An error in a line; its type's name too, where it is none of ours.

    >>> one_line(UserError(["a", "b", "c"]))
    'a (and 2 more)'
    >>> one_line(KeyError("x"))
    "KeyError: 'x'"
    """
    if isinstance(error, UserError):
        more = f" (and {len(error.problems) - 1} more)" if error.problems[1:] else ""
        return _first_line(error.problems[0]) + more
    text = _first_line(str(error))
    return text if isinstance(error, RunFailedError) else f"{type(error).__name__}: {text}"


def _first_line(text: str) -> str:
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."
