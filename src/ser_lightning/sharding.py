"""Parameters, gradients and the optimizer's state divided among the processes of a run, by torch's `fully_shard`.

Each process keeps its share and has a block's whole parameters only while it computes with that block. Checkpoints are
gathered into one file, so that whatever reads a run need not know how it was trained.
"""

from __future__ import annotations

import copy

import torch
from pytorch_lightning.strategies import ModelParallelStrategy, Strategy
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from ser_lightning.models.network import EmotionNetwork

MIN_PARAMETERS = 100_000
"""A block with fewer travels with the one around it: each block is a message of its own."""


def sharded_strategy(num_processes: int) -> Strategy:
    """Lightning's strategy for a network that shards itself, over all processes; checkpoints are whole files."""
    return ModelParallelStrategy(
        data_parallel_size=num_processes, tensor_parallel_size=1, save_distributed_checkpoint=False
    )


def shard(network: EmotionNetwork, mesh: DeviceMesh) -> EmotionNetwork:
    """Divide `network`, in its place, over the processes of `mesh`; a copy on the CPU that is whole.

    All processes must hold the same parameters.
    """
    whole = copy.deepcopy(network).cpu()
    network.to(memory_format=torch.contiguous_format)  # fully_shard takes no other
    for block in blocks(network.backbone):
        fully_shard(block, mesh=mesh)
    fully_shard(network, mesh=mesh)
    return whole


def blocks(module: nn.Module) -> list[nn.Module]:
    """The members of a backbone's sequences and lists that are large enough to be gathered alone, innermost first."""
    found: list[nn.Module] = []
    for child in module.children():
        found += blocks(child)
        if isinstance(module, (nn.Sequential, nn.ModuleList)) and not isinstance(child, nn.ModuleList):
            found += [child] if sum(p.numel() for p in child.parameters()) >= MIN_PARAMETERS else []
    return found
