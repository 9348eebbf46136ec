"""What the launchers of a multirun need: their packages, and a fair share of this machine's cores and GPUs.

conf/hydra/launcher asks for the numbers by the resolvers `jobs_at_once`, `cores_each`, `gpus_each` and `num_gpus`.
"""

from __future__ import annotations

import importlib.util
import os
import sys

MOST_JOBS = 8
"""Processes at once where there is no GPU; each holds torch, about a gigabyte."""

EXTRAS = {"hydra_submitit_launcher": "submitit", "hydra_ray_launcher": "ray"}
"""Which of our extras installs a launcher's package."""


def launcher_problem(target: str) -> str:
    """What to install for the launcher that `target` names, or nothing where it is there.

    >>> launcher_problem("hydra._internal.core_plugins.basic_launcher.BasicLauncher")
    ''
    """
    package = target.split(".")[1]
    if package not in EXTRAS or importlib.util.find_spec(f"hydra_plugins.{package}"):
        return ""
    extra = EXTRAS[package]
    return f"hydra/launcher needs the package {package}, which is not installed: pip install 'ser-lightning[{extra}]'"


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
