"""What must be said beside a ranking: what is missing, what so few speakers cannot tell, and the notes of the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ser_lightning.evaluation.comparison_protocols import PooledProtocol
from ser_lightning.evaluation.comparison_runs import Configuration
from ser_lightning.evaluation.significance import ALPHA, least_p

NOT_EXCLUDED = "not excluded"
"""A run's note that opens so tells of a way by which what is tested may have reached its score."""
MOST_NOTES = 12
"""So many notes of the runs are printed; notes.csv has all."""

Named = Sequence[tuple[str, Configuration]]
"""The configurations of a ranking in their order, with their names."""


class RunNotes(NamedTuple):
    """Notes of the runs, each once: those that all configurations share, and the others with whose they are."""

    shared: tuple[str, ...]
    own: tuple[tuple[str, str], ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """All of them, the shared ones first, the others after the name of their configuration."""
        return (*self.shared, *(f"{name}: {note}" for name, note in self.own))

    def printed(self, most: int = MOST_NOTES) -> tuple[str, ...]:
        """No more lines than `most`, and how many more there are; those of one configuration go before shared ones.

        >>> RunNotes(("a", "b"), (("x", "c"),)).printed(2)
        ('a', 'x: c', '1 more note of the runs is in notes.csv')
        """
        num_own = min(len(self.own), most)
        kept = (*self.shared[: most - num_own], *self.lines[len(self.shared) :][:num_own])
        left = len(self.lines) - len(kept)
        more = f"{left} more note{'s of the runs are' if left > 1 else ' of the runs is'} in notes.csv"
        return (*kept, more) if left else kept


def run_notes(standings: Named) -> RunNotes:
    """The notes of the runs of all configurations, but for those that `caveats` has."""
    of_each = [(name, [note for note in one.notes if not _is_caveat(note)]) for name, one in standings]
    shared = tuple(note for note in of_each[0][1] if all(note in notes for _, notes in of_each))
    own = tuple((name, note) for name, notes in of_each for note in notes if note not in shared)
    return RunNotes(shared, own)


def caveats(protocol: PooledProtocol, standings: Named) -> list[str]:
    """What is missing, of all and of each configuration; whose score may hold what was tested; who has other parts."""
    missing = dict.fromkeys(one.protocol.missing for _, one in standings)
    notes = [f"{folds}, so not every clip is tested" for folds in missing if folds]
    for name, one in standings:
        notes += [f"{name}: {note}" for note in (*one.left_out, *filter(_is_caveat, one.notes))]
        if one.protocol.sentence != protocol.sentence:
            notes.append(f"{name} was trained on other clips: {one.protocol.sentence}")
    return notes


def limits(num_configurations: int, num_speakers: int, *, known: bool) -> list[str]:
    """What so few speakers cannot tell."""
    num_pairs = num_configurations * (num_configurations - 1) // 2
    if not num_pairs:
        return []
    if not known:
        return ["no test over speakers: those of some clips are not known"]
    least = least_p(num_speakers)
    people = f"{num_speakers} speaker{'s' * (num_speakers != 1)}"
    if least > ALPHA:
        return [f"{people} can give no p below {least:.3g}, so no difference can be called significant at {ALPHA}"]
    if least * num_pairs > ALPHA:
        return [
            f"{people} can give no p below {least:.3g}, and of {num_pairs} pairs Holm's correction makes that "
            f"{min(1.0, least * num_pairs):.3g}, so no difference can be called significant at {ALPHA}; compare fewer"
        ]
    return []


def _is_caveat(note: str) -> bool:
    return note.startswith(NOT_EXCLUDED)
