"""The processes of one run: which of them this is, and how many somebody has started, torchrun or SLURM's srun.

Where nobody has, the first one starts the others itself, each with the run's folder to follow (see follow.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from lightning_fabric.plugins.environments.lightning import find_free_network_port

from ser_lightning.errors import UserError

RANK_NAMES = ("RANK", "LOCAL_RANK", "SLURM_PROCID")
MEETING = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")
"""What Lightning reads of the processes of a run in the environment."""


class Started(NamedTuple):
    """The processes that were started for one run: `per_node` on each of `num_nodes` machines."""

    per_node: int
    num_nodes: int


def is_first(environment: Mapping[str, str]) -> bool:
    """Whether this process prints and writes for all; of a run of one process it is the first.

    >>> is_first({}), is_first({"LOCAL_RANK": "0"}), is_first({"RANK": "8", "LOCAL_RANK": "0"})
    (True, True, False)
    """
    ranks = [environment[name] for name in RANK_NAMES if environment.get(name)]
    return not ranks or ranks[0] == "0"


def started(environment: Mapping[str, str]) -> Started | None:
    """What torchrun or srun has started; None where this process is alone, or was started by the first one of its run.

    >>> started({"TORCHELASTIC_RUN_ID": "a", "WORLD_SIZE": "16", "LOCAL_WORLD_SIZE": "8"})
    Started(per_node=8, num_nodes=2)
    >>> started({"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2"})
    Started(per_node=4, num_nodes=2)
    """
    if "TORCHELASTIC_RUN_ID" in environment:
        per_node = int(environment["LOCAL_WORLD_SIZE"])
        return Started(per_node, int(environment["WORLD_SIZE"]) // per_node)
    tasks, nodes = (int(environment.get(f"SLURM_STEP_NUM_{what}", "1")) for what in ("TASKS", "NODES"))
    return Started(tasks // nodes, nodes) if tasks > 1 else None


def check_one_folder(environment: Mapping[str, str], overrides: Sequence[str]) -> None:
    """Raise UserError where torchrun or srun has started processes that would each choose a folder by the clock.

    >>> check_one_folder({}, []) is check_one_folder({"SLURM_STEP_NUM_TASKS": "8"}, ["hydra.run.dir=outputs/big"])
    True
    """
    if started(environment) and not any(override.startswith(("hydra.run.dir=", "resume=")) for override in overrides):
        raise UserError(
            "several processes of one run were started, and each reads the command line: give them one folder by "
            "hydra.run.dir=..., from which the same command also goes on"
        )


@contextmanager
def followed(run_dir: Path, num_processes: int) -> Iterator[None]:
    """Have `num_processes` - 1 others on this machine take part in the run of a folder, within the block.

    They share its threads, and end when it does. One that fails ends it too, as it would wait for that for ever.
    """
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(find_free_network_port()), "NODE_RANK": "0"}
    meeting |= {"LOCAL_RANK": "0", "WORLD_SIZE": str(num_processes)}
    os.environ.update(meeting)
    threads = torch.get_num_threads()
    share = max(1, threads // num_processes)
    torch.set_num_threads(share)
    command = [sys.executable, "-m", "ser_lightning.follow", str(run_dir.resolve())]
    others = [
        subprocess.Popen(
            command, env=os.environ | {"LOCAL_RANK": str(rank), "OMP_NUM_THREADS": str(share)}, stdin=subprocess.PIPE
        )
        for rank in range(1, num_processes)
    ]
    done = threading.Event()
    for other in others:
        threading.Thread(target=_end_with, args=(other, done), daemon=True).start()
    try:
        yield
        done.set()
        for other in others:
            other.wait()
    finally:
        done.set()
        for other in others:
            other.kill()
        torch.set_num_threads(threads)
        for name in MEETING:
            os.environ.pop(name, None)


def _end_with(other: subprocess.Popen[bytes], done: threading.Event) -> None:
    if other.wait() != 0 and not done.wait(timeout=10):  # by then the loss of it has come as an error, or never does
        print("a process of this run has failed, see above", file=sys.stderr, flush=True)
        os._exit(1)
