"""How a run is spread over devices and machines: what its keys and the machine come to, and what cannot be.

Everything is decided, and refused, before data are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

import torch
from annotated_types import Gt

from ser_lightning.errors import UserError
from ser_lightning.processes import Started

Accelerator = Literal["auto", "cpu", "gpu"]
Count = Annotated[int, Gt(0)] | Literal["auto"]
Strategy = Literal["auto", "ddp", "fsdp"]
SyncBatchNorm = Literal["auto"] | bool


class Spread(NamedTuple):
    """A process for each device, `devices` on each of `num_nodes` machines; of one process the `strategy` is auto."""

    on_gpu: bool
    devices: int
    num_nodes: int
    strategy: Strategy
    sync_batchnorm: bool

    @property
    def num_processes(self) -> int:
        """How many processes train together."""
        return self.devices * self.num_nodes


def choose_spread(
    place: Started | None,
    *,
    accelerator: Accelerator = "auto",
    devices: Count = "auto",
    num_nodes: Count = "auto",
    strategy: Strategy = "auto",
    sync_batchnorm: SyncBatchNorm = "auto",
    undivided: Sequence[str] = (),
) -> Spread:
    """What the keys of a trainer come to, in a process that is one of those in `place`, or alone.

    `undivided` are the keys of this run that a network divided among processes does not take.

    Raises UserError with everything that cannot be.
    """
    on_gpu = accelerator != "cpu" and torch.cuda.is_available()
    there = torch.cuda.device_count() if on_gpu else 1
    if devices == "auto":
        devices = place.per_node if place else there
    if num_nodes == "auto":
        num_nodes = place.num_nodes if place else 1
    several = devices * num_nodes > 1
    problems = [*_place_problems(place, devices, num_nodes)]
    if strategy != "auto" and accelerator == "gpu" and not on_gpu:
        problems.append("trainer: torch finds no GPU here; trainer=ddp_cpu trains in several processes on the CPU")
    elif on_gpu and devices > there:
        problems.append(f"trainer: {devices} processes a machine need as many GPUs, {_seen(there, place)}")
    if strategy == "fsdp":
        problems += _fsdp_problems(undivided, several=several or (accelerator == "gpu" and not on_gpu))
    problems += _sync_problems(sync_batchnorm, on_gpu=on_gpu, several=several)
    if problems:
        raise UserError(problems)
    synced = on_gpu and several if sync_batchnorm == "auto" else sync_batchnorm
    chosen: Strategy = "ddp" if strategy == "auto" else strategy
    return Spread(on_gpu, devices, num_nodes, chosen if several else "auto", synced)


def _place_problems(place: Started | None, devices: int, num_nodes: int) -> Iterator[str]:
    if place is None and num_nodes > 1:
        yield (
            f"trainer.num_nodes={num_nodes}: several machines need somebody who starts a process for each device on "
            "each of them: srun with trainer=slurm, or torchrun"
        )
    elif place and (devices, num_nodes) != place:
        yield (
            f"{place.per_node * place.num_nodes} processes were started, {place.per_node} a machine, but "
            f"trainer.devices={devices} and trainer.num_nodes={num_nodes} need {devices * num_nodes}; "
            "auto takes as many as were started"
        )


def _seen(there: int, place: Started | None) -> str:
    if place and there == 1:
        return "but each process sees one: give them all to each (SLURM: --gpus-per-node, not --gpus-per-task)"
    return f"there are {there}; trainer.devices=auto takes all"


def _fsdp_problems(undivided: Sequence[str], *, several: bool) -> Iterator[str]:
    if not several:
        yield "trainer.strategy=fsdp divides a network among several processes, and this run has one"
    for key in undivided:
        yield f"trainer.strategy=fsdp does not go with {key}; leave one of them out"


def _sync_problems(sync: SyncBatchNorm, *, on_gpu: bool, several: bool) -> Iterator[str]:
    if sync is True and not on_gpu:
        yield (
            "trainer.sync_batchnorm=true: torch synchronises batch-norm on GPUs only; "
            "auto or false keep statistics per process"
        )
    elif sync is True and not several:
        yield "trainer.sync_batchnorm=true needs several GPUs; leave it at auto"
