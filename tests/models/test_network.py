"""The network of a backbone and a head: shapes, and that a frozen backbone keeps every bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ser_lightning.models.network import EmotionNetwork, dense_head, emotion_network
from ser_lightning.optimizers import adamw

RANDOM = torch.Generator().manual_seed(0)
IMAGES = torch.randn(4, 1, 32, 48, generator=RANDOM)


def network(**options) -> EmotionNetwork:
    return emotion_network(7, (1, 32, 48), **({"backbone": "test_resnet", "hidden": 16} | options))


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def changed(module: nn.Module, before: dict[str, Tensor]) -> set[str]:
    """The parameters and buffers that are no longer what they were, bit for bit."""
    return {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}


def train_steps(trained: EmotionNetwork, optimizer: torch.optim.Optimizer, steps: int = 3) -> None:
    """Optimizer steps as a trainer takes them."""
    for _ in range(steps):
        loss = nn.functional.cross_entropy(trained(IMAGES), torch.tensor([0, 1, 2, 3]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_a_frozen_backbone_keeps_every_bit_and_a_thawed_one_learns():
    trained = network(freeze_epochs=2).train()
    optimizer = adamw(trained, lr=0.01, weight_decay=0.1)
    backbone, head = state(trained.backbone), state(trained.head)
    assert any("running_mean" in name for name in backbone)
    for epoch in (0, 1):
        trained.start_epoch(epoch)
        train_steps(trained, optimizer)
        assert changed(trained.backbone, backbone) == set()
    assert changed(trained.head, head) == set(head)

    trained.start_epoch(2)
    train_steps(trained, optimizer)
    assert changed(trained.backbone, backbone) == set(backbone)


def test_modes_follow_the_freezing():
    trained = network(freeze_epochs=1)
    norms = [module for module in trained.backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) > 5
    for epoch, mode, expected in [(0, True, False), (0, False, False), (1, True, True), (1, False, False)]:
        trained.start_epoch(epoch)
        assert trained.train(mode) is trained
        assert {norm.training for norm in norms} == {expected}
        assert trained.head.training is mode
        assert trained.training is mode
        assert {parameter.requires_grad for parameter in trained.backbone.parameters()} == {epoch >= 1}
        assert all(parameter.requires_grad for parameter in trained.head.parameters())
    trained.train()
    assert {norm.training for norm in norms} == {True}
    trained.eval()
    assert {norm.training for norm in norms} == {False}


def test_thawing_in_training_mode_thaws_the_statistics_too():
    trained = network(freeze_epochs=1).train()
    assert not trained.backbone.training
    trained.start_epoch(1)
    assert trained.backbone.training


def test_without_freezing_all_learn_from_the_first_epoch():
    trained = network().train()
    before = state(trained)
    train_steps(trained, adamw(trained, lr=0.01))
    assert changed(trained, before) == set(before)


def test_a_network_may_be_frozen_for_good():
    trained = network(freeze_epochs=10**9)
    trained.start_epoch(10_000)
    assert not any(parameter.requires_grad for parameter in trained.backbone.parameters())


def test_evaluation_depends_on_the_image_alone():
    trained = network(dropout=0.5).eval()
    with torch.no_grad():
        together = trained(IMAGES)
        alone = torch.cat([trained(image[None]) for image in IMAGES])
        assert torch.equal(trained(IMAGES), together)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_the_head_is_dense_relu_dropout_dense():
    head = dense_head(5, 8, 3, dropout=0.25).eval()
    first, second = head[0], head[3]
    x = torch.randn(6, 5, generator=RANDOM)
    expected = (x @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias
    torch.testing.assert_close(head(x), expected)
    assert head[2].p == 0.25


def test_dropout_is_in_training_only():
    head = dense_head(5, 4000, 3, dropout=0.25)
    hidden = head[:3]
    nn.init.zeros_(head[0].weight)
    nn.init.ones_(head[0].bias)
    torch.manual_seed(0)
    kept = hidden.train()(torch.zeros(1, 5)) != 0
    assert kept.double().mean().item() == pytest.approx(0.75, abs=4 * (0.25 * 0.75 / 4000) ** 0.5)
    assert torch.equal(hidden.eval()(torch.zeros(1, 5)), torch.ones(1, 4000))


def test_drop_path_is_in_training_only():
    torch.manual_seed(0)
    trained = network(backbone="test_vit", drop_path=0.5, dropout=0.0)
    with torch.no_grad():
        drawn = [trained.train()(IMAGES[:1]) for _ in range(8)]
        assert any(not torch.equal(drawn[0], other) for other in drawn[1:])
        drawn = [trained.eval()(IMAGES[:1]) for _ in range(8)]
        assert all(torch.equal(drawn[0], other) for other in drawn[1:])
