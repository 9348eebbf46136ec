"""What the processes of one run tell each other; in a run of one process, nothing.

torch.distributed is asked itself, so that the network and the passes over it need not know who started the processes.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn


def num_processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def gathered(own: Tensor) -> list[Tensor]:
    """The tensors of all processes, in their order, on each of them; they differ at most in their first size."""
    if num_processes() == 1:
        return [own]
    sizes = _all_gathered(torch.tensor([len(own)], device=own.device))
    longest = max(map(int, sizes))
    padded = torch.cat([own, own.new_zeros(longest - len(own), *own.shape[1:])])
    return [rows[: int(size)] for rows, size in zip(_all_gathered(padded), sizes, strict=True)]


def share_buffers(module: nn.Module) -> None:
    """Give every process the first one's buffers, such as the running statistics of batch-norm."""
    if num_processes() > 1:
        for buffer in module.buffers():
            distributed.broadcast(buffer, 0)


def _all_gathered(own: Tensor) -> list[Tensor]:
    everybody = [torch.empty_like(own) for _ in range(num_processes())]
    distributed.all_gather(everybody, own.contiguous())
    return everybody


def leave() -> None:
    """Be a process of its own again, as for the next job of a multirun."""
    if num_processes() > 1:
        distributed.destroy_process_group()
