"""A corpus that nobody but its makers may hand out: where to ask for it, and where to put it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ser_lightning.downloads.source import About, Folder
from ser_lightning.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ByHand:
    """To be placed by the user as `folder`; `how` says what of the files goes there."""

    about: About
    folder: Folder
    how: str

    def refuse(self, data_dir: Path, corpus: str) -> UserError:
        """The error that says what to do."""
        return UserError(
            f"{self.about.title} is handed out by its makers only ({self.about.licence}): register at "
            f"{self.about.page}, place {self.how} as {data_dir / self.folder}, "
            f"then python -m ser_lightning.train corpus={corpus}; cite {self.about.citation}"
        )
