"""What a benchmark ran on, and the table it prints."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """Cores, processor, Python and the versions of the packages that matter."""
    info = Path("/proc/cpuinfo")
    models = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}, {versions}"


def spread(rows: Mapping[str, Sequence[float]]) -> str:
    """A Markdown table: median, least and most of each row's values."""
    lines = ["| | median | least | most |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {statistics.median(values):.3f} | {min(values):.3f} | {max(values):.3f} |"
        for name, values in rows.items()
    ]
    return "\n".join(lines)
