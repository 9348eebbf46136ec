"""What `listen` shows at a moment: bars for a terminal, a line for a file."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ser_lightning.data.audio import FULL_SCALE

SILENCE_DB = -90.0
"""As low as 16 bits go."""
QUIET_DB, LOUD_DB = -50.0, -1.0
BAR_WIDTH = 40
BEHIND_SECONDS = 1.0
"""A machine this far behind is slower than the microphone."""


class Moment(NamedTuple):
    """What is heard at `seconds`; the level of the last chunk in dB of full scale, None where there was none.

    `lost` counts blocks of the microphone, `behind` is how many seconds of sound wait to be heard.
    """

    seconds: float
    label: str
    probabilities: dict[str, float]
    level: float | None
    lost: int = 0
    behind: float = 0.0


def level_db(chunk: npt.NDArray[Any]) -> float:
    """The RMS of a chunk in dB of full scale, no less than SILENCE_DB.

    >>> round(level_db(np.array([0.5, -0.5])), 1), level_db(np.zeros(3)), level_db(np.array([-32768], np.int16))
    (-6.0, -90.0, 0.0)
    """
    scale = FULL_SCALE if chunk.dtype == np.int16 else 1.0
    power = float(np.mean(np.square(chunk.astype(np.float64) / scale))) if chunk.size else 0.0
    return max(SILENCE_DB, 10 * float(np.log10(power))) if power > 0 else SILENCE_DB


def notes(moment: Moment) -> list[str]:
    """What is wrong at the moment.

    >>> notes(Moment(3.0, "sad", {"sad": 1.0}, -70.0, lost=2))
    ['quiet', '2 blocks lost']
    """
    found = []
    if moment.level is not None and moment.level < QUIET_DB:
        found.append("quiet")
    if moment.level is not None and moment.level > LOUD_DB:
        found.append("too loud")
    if moment.lost:
        found.append(f"{moment.lost} blocks lost")
    if moment.behind > BEHIND_SECONDS:
        found.append(f"{moment.behind:.0f} s behind: this machine is slower than the sound")
    return found


def line(moment: Moment) -> str:
    """A moment in a line.

    >>> line(Moment(3.5, "sad", {"angry": 0.25, "sad": 0.75}, -21.4))
    '   3.5 s  sad        angry 0.250  sad 0.750  -21 dB'
    """
    values = "  ".join(f"{label} {value:.3f}" for label, value in moment.probabilities.items())
    level = "" if moment.level is None else f"  {moment.level:.0f} dB"
    extra = "".join(f"  ({note})" for note in notes(moment))
    return f"{moment.seconds:6.1f} s  {moment.label:<9}  {values}{level}{extra}"


def bars(moment: Moment) -> RenderableType:
    """A moment as a bar an emotion, with the level of the sound below."""
    grid = Table.grid(padding=(0, 1))
    for label, value in moment.probabilities.items():
        style = "bold green" if label == moment.label else ""
        bar = ProgressBar(total=1.0, completed=value, width=BAR_WIDTH, complete_style="green")
        grid.add_row(Text(label, style), bar, Text(f"{value:.2f}", style))
    if moment.level is not None:
        share = 1 - moment.level / SILENCE_DB
        grid.add_row(
            Text("level", "dim"),
            ProgressBar(total=1.0, completed=share, width=BAR_WIDTH, complete_style="blue"),
            Text(f"{moment.level:.0f} dB", "dim"),
        )
    head = Text(f"{moment.label}", "bold green").append(f"   {moment.seconds:.1f} s", "dim")
    return Group(head, grid, Text("; ".join(notes(moment)), "yellow"))
