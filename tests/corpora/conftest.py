"""What the parsers' tests share: trees of empty files."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def plant() -> Callable[..., None]:
    """Make empty files: `plant(root, names, layout)`, where the layout gives a name's paths below root."""

    def make(root: Path, names: list[str], layout: Callable[[str], list[str]] = lambda name: [name]) -> None:
        files = dict.fromkeys(root / file for name in names for file in layout(name))
        for parent in {file.parent for file in files}:
            parent.mkdir(parents=True, exist_ok=True)
        for file in files:
            file.touch()

    return make
