"""What the user must mend, told in one go: the rule, what was found, what to do.

Every mistake of one input is collected and raised together, so that nobody mends ten things in ten runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """One or more mistakes that only the user can mend; nothing was started."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        assert self.problems, "an error without a problem"
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[UserError], tuple[list[str]]]:
        return UserError, (self.problems,)


class NothingStartedError(UserError):
    """Mistakes in what a whole multirun is of; none of its jobs was started."""


@contextmanager
def noted(problems: list[str]) -> Iterator[None]:
    """Add what a UserError within says to `problems`, so that the next thing is looked at too.

    >>> with noted(found := []):
    ...     raise UserError("a tail is needed")
    >>> found
    ['a tail is needed']
    """
    try:
        yield
    except UserError as error:
        problems += error.problems


def did_you_mean(word: str, choices: Iterable[str], *, most: int = 3) -> str:
    """A hint at the nearest of `choices`, or at all of them where they are few.

    >>> did_you_mean("batchsize", ["batch_size", "window_seconds"])
    "; did you mean 'batch_size'?"
    >>> did_you_mean("zzz", ["left", "right"])
    '; choose from left, right'
    """
    names = sorted(set(choices))
    folded = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), folded, n=most, cutoff=0.6)
    if near:
        return "; did you mean " + " or ".join(f"'{folded[name]}'" for name in near) + "?"
    return f"; choose from {', '.join(names)}" if 0 < len(names) <= 20 else ""


class RunFailedError(RuntimeError):
    """A run that had started and cannot go on, with what to do about it."""
