"""Which of the processes of one run this is, as whoever started them says: torchrun, SLURM, or Lightning."""

from __future__ import annotations

from collections.abc import Mapping

RANK_NAMES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")


def is_first(environment: Mapping[str, str]) -> bool:
    """Whether this process prints and writes for all; of a run of one process it is the first.

    >>> is_first({}), is_first({"LOCAL_RANK": "0"}), is_first({"RANK": "8", "LOCAL_RANK": "0"})
    (True, True, False)
    """
    ranks = [environment[name] for name in RANK_NAMES if environment.get(name)]
    return not ranks or ranks[0] == "0"
