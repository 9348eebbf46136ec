"""Which parameters learn at which rate, and which decay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ser_lightning.models.network import EmotionNetwork, dense_head
from ser_lightning.optimizers import adamw


def small_network() -> EmotionNetwork:
    backbone = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return EmotionNetwork(backbone, dense_head(4, 5, 3, dropout=0.0))


def rate_and_decay(optimizer: torch.optim.Optimizer, network: nn.Module) -> dict[str, tuple[float, float]]:
    """(rate, decay) of each parameter by name."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    return {
        names[parameter]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


def test_matrices_decay_and_vectors_do_not():
    network = small_network()
    assert rate_and_decay(adamw(network, lr=1e-3, weight_decay=0.05), network) == {
        "backbone.0.weight": (1e-3, 0.05),
        "backbone.1.weight": (1e-3, 0.0),
        "backbone.1.bias": (1e-3, 0.0),
        "head.0.weight": (1e-3, 0.05),
        "head.0.bias": (1e-3, 0.0),
        "head.3.weight": (1e-3, 0.05),
        "head.3.bias": (1e-3, 0.0),
    }


def test_every_parameter_is_in_one_group():
    network = small_network()
    grouped = [parameter for group in adamw(network).param_groups for parameter in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(list(network.parameters()))


def test_the_backbone_learns_at_its_share_of_the_rate():
    network = small_network()
    rates = rate_and_decay(adamw(network, lr=1e-2, backbone_lr_scale=0.1), network)
    assert {name: rate for name, (rate, _) in rates.items() if name.startswith("head")} == dict.fromkeys(
        ["head.0.weight", "head.0.bias", "head.3.weight", "head.3.bias"], 1e-2
    )
    assert [rate for name, (rate, _) in rates.items() if name.startswith("backbone")] == pytest.approx([1e-3] * 3)


def test_betas_and_defaults():
    groups = adamw(small_network(), beta1=0.8, beta2=0.95).param_groups
    assert {group["betas"] for group in groups} == {(0.8, 0.95)}
    assert {group["lr"] for group in adamw(small_network()).param_groups} == {1e-3}


def test_one_step_by_hand():
    # The first AdamW step moves by lr x sign(gradient), and shrinks what decays by lr x weight_decay.
    network = small_network()
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    optimizer = adamw(network, lr=0.01, weight_decay=0.5, backbone_lr_scale=0.1)
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, -3.0)
    optimizer.step()
    for name, parameter in network.named_parameters():
        rate = 0.01 if name.startswith("head") else 0.001
        decay = 0.5 if parameter.ndim > 1 else 0.0
        torch.testing.assert_close(parameter.detach(), before[name] * (1 - rate * decay) + rate, rtol=0, atol=1e-6)
