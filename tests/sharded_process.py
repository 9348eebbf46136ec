"""One of the processes that divide a network among them, a script: `sharded_process.py RANK NUM_PROCESSES FOLDER`.

It takes one optimizer step and prints how many numbers of each kind it holds, and how many the whole network has.
"""

import json
import sys

import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh

from ser_lightning.models.network import emotion_network
from ser_lightning.sharding import shard


def held(tensors):
    """How many numbers of these tensors lie in this process."""
    return sum(tensor.to_local().numel() for tensor in tensors)


rank, num_processes, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=num_processes)
torch.manual_seed(0)
network = emotion_network(4, (1, 64, 64), backbone="convnext_atto", dropout=0.0)
whole = shard(network, init_device_mesh("cpu", (num_processes,)))
optimizer = torch.optim.AdamW(network.parameters())
image = torch.randn(2, 1, 64, 64)
network(image).square().sum().backward()
optimizer.step()
parameters = list(network.parameters())
counts = {
    "parameters": held(parameters),
    "gradients": held(parameter.grad for parameter in parameters),
    "averages": held(optimizer.state[parameter]["exp_avg"] for parameter in parameters),
    "whole": sum(parameter.numel() for parameter in whole.parameters()),
}
print(json.dumps(counts))
distributed.destroy_process_group()
