"""What the launchers of a multirun need: their packages, and a fair share of this machine's cores and GPUs.

conf/hydra/launchers asks for the numbers by the resolvers `jobs_at_once`, `cores_each`, `gpus_each` and `num_gpus`.
"""

from __future__ import annotations

import os
import sys

MOST_JOBS = 8
"""Processes at once where there is no GPU; each holds torch, about a gigabyte."""

EXTRAS = {"submitit_local": "submitit", "submitit_slurm": "submitit", "ray": "ray"}
"""Which of our extras installs a launcher."""


def launcher_problem(launcher: str) -> str:
    """What to install for a launcher that Hydra does not find, or nothing where none of ours is meant.

    >>> launcher_problem("ray")
    "hydra/launcher=ray needs a package that is not installed: pip install 'ser-lightning[ray]'"
    """
    if launcher not in EXTRAS:
        return ""
    extra = EXTRAS[launcher]
    return f"hydra/launcher={launcher} needs a package that is not installed: pip install 'ser-lightning[{extra}]'"


def num_gpus() -> int:
    """The GPUs that this process sees."""
    import torch  # seconds, and only a parallel launcher asks

    return torch.cuda.device_count()


def num_cores() -> int:
    """The cores that this process may use; only Linux tells."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def jobs_at_once() -> int:
    """One a GPU; without any one a core, at most MOST_JOBS."""
    return num_gpus() or min(MOST_JOBS, num_cores())


def cores_each(jobs: int) -> int:
    """The cores of each of so many jobs."""
    return max(1, num_cores() // max(1, jobs))


def gpus_each() -> int:
    """One, or none where there are none."""
    return min(1, num_gpus())
