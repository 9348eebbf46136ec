"""What the benchmarks share: functions timed in turn, medians with their spread, and ratios within each turn.

Other work on the machine slows all functions of a turn alike, so that a ratio taken within a turn holds where seconds
do not.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def machine(*packages: str) -> str:
    """One line on the processor, the GPU if there is one and torch is in use, Python, and the packages' versions."""
    parts = [f"{os.cpu_count()} cores of {_processor()}"]
    if "torch" in packages:
        import torch

        parts += [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
        parts.append(f"{torch.get_num_threads()} threads")
    versions = [f"{name} {version(name)}" for name in packages]
    return ", ".join([*parts, f"Python {platform.python_version()}", *versions])


def _processor() -> str:
    names = Path("/proc/cpuinfo")
    lines = names.read_text().splitlines() if names.exists() else []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor() or platform.machine()


def finish(device: torch.device) -> None:
    """Wait until a GPU has done all that it was given."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def seconds(function: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(functions: Mapping[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Seconds of each function, called in turn `turns` times after one call that does not count."""
    for function in functions.values():
        function()
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(turns):
        for name, function in functions.items():
            taken[name].append(seconds(function))
    return taken


def ratios(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """The first divided by the second, turn by turn."""
    return [a / b for a, b in zip(one, other, strict=True)]


def spread(values: Sequence[float], scale: float = 1.0, digits: int = 3) -> str:
    """The median and the extremes.

    >>> spread([1.0, 4.0, 2.0], digits=1)
    '2.0 (1.0 to 4.0)'
    """
    middle, least, most = (scale * value for value in (statistics.median(values), min(values), max(values)))
    return f"{middle:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines), flush=True)
