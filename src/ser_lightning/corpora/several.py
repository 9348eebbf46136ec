"""Several corpora as one: `corpus=several corpus.names=[ravdess,tess] corpus.roots.ravdess=DIR`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import MinLen

from ser_lightning.corpora.base import Corpus, Scan
from ser_lightning.corpora.columns import together
from ser_lightning.errors import UserError, did_you_mean
from ser_lightning.schema import find_target


@dataclass(frozen=True, kw_only=True)
class Several:
    """The corpora in `names`; `members` holds the config node of each that is known, `roots` where they are.

    Raises UserError that names every corpus that is unknown or not found.
    """

    names: Annotated[Sequence[str], MinLen(1)]
    members: Mapping[str, Mapping[str, Any]]
    roots: Mapping[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._corpora()

    @property
    def name(self) -> str:
        """The corpora's names, joined."""
        return "+".join(self.names)

    def scan(self) -> Scan:
        """All their clips, each under its own corpus's name; raises UserError with all that is wrong with any."""
        scans: list[Scan] = []
        problems: list[str] = []
        for name, corpus in zip(self.names, self._corpora(), strict=True):
            try:
                scans.append(corpus.scan())
            except UserError as error:
                problems += _of_member(name, error)
        if problems:
            raise UserError(problems)
        return Scan(
            clips=together([scan.clips for scan in scans]),
            origins=tuple(origin for scan in scans for origin in scan.origins),
            copies=tuple(pair for scan in scans for pair in scan.copies),
            notes=tuple(note for scan in scans for note in scan.notes),
            bad=tuple(bad for scan in scans for bad in scan.bad),
            left_out=tuple(row for scan in scans for row in scan.left_out),
            defects=tuple(defect for scan in scans for defect in scan.defects),
        )

    def _corpora(self) -> list[Corpus]:
        strangers = [name for name in {**dict.fromkeys(self.names), **self.roots} if name not in self.members]
        problems = [
            f"corpus.names: there is no corpus '{name}'{did_you_mean(name, self.members)}" for name in strangers
        ]
        problems += [
            f"corpus.names: '{name}' is listed twice" for name in set(self.names) if self.names.count(name) > 1
        ]
        problems += [
            f"corpus.roots.{name}={root} has no effect, as corpus.names has no '{name}'; name it there, or leave it out"
            for name, root in self.roots.items()
            if root is not None and name in self.members and name not in self.names
        ]
        corpora = []
        for name in self.names:
            if name in self.members:
                try:
                    corpora.append(self._corpus(name))
                except UserError as error:
                    problems += _of_member(name, error)
        if problems:
            raise UserError(problems)
        return corpora

    def _corpus(self, name: str) -> Corpus:
        options = {key: value for key, value in self.members[name].items() if key != "_target_"}
        if self.roots.get(name) is not None:
            options["root"] = self.roots[name]
        corpus: Corpus = find_target(self.members[name]["_target_"])(**options)
        return corpus


def _of_member(name: str, error: UserError) -> list[str]:
    """The problems of one corpus, with its keys as they are to be set here."""
    roots = [re.sub(r"\bcorpus\.root\b", f"corpus.roots.{name}", problem) for problem in error.problems]
    return [re.sub(r"\bcorpus\.(?!roots\b)(\w+)", rf"corpus.members.{name}.\1", problem) for problem in roots]
