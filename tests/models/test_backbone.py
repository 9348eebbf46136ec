"""Backbones of several families build by name and give pooled features; what cannot be built is one message."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from ser_lightning.errors import UserError
from ser_lightning.models.backbone import check_backbone, create_backbone
from ser_lightning.models.network import emotion_network

RANDOM = torch.Generator().manual_seed(0)


def build(name: str, shape: tuple[int, int, int], **options) -> tuple[nn.Module, int]:
    defaults = {"pretrained": False, "weights": None, "drop_path": 0.0, "bn_eps": None}
    return create_backbone(name, image_shape=shape, **(defaults | options))


def logits(name: str, shape: tuple[int, int, int]) -> torch.Tensor:
    network = emotion_network(7, shape, backbone=name, hidden=8).eval()
    with torch.no_grad():
        return network(torch.randn(2, *shape, generator=RANDOM))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet18", (1, 64, 101)),
        ("efficientnet_b0", (1, 64, 101)),
        ("mobilenetv3_small_050", (1, 64, 101)),
        ("mobilenetv3_small_050", (3, 128, 301)),
        ("convnext_atto", (1, 64, 101)),
        ("vit_tiny_patch16_224", (1, 224, 224)),
        ("vit_tiny_patch16_224", (1, 64, 96)),
        ("swin_tiny_patch4_window7_224", (1, 224, 224)),
        ("regnety_002.pycls_in1k", (1, 64, 64)),
    ],
)
def test_families_give_finite_logits_that_differ_by_image(name, shape):
    given = logits(name, shape)
    assert given.shape == (2, 7)
    assert given.isfinite().all()
    assert not torch.equal(given[0], given[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet50.a1_in1k", (1, 128, 301)),
        ("tf_efficientnet_b7.aa_in1k", (1, 128, 301)),
        ("deit3_small_patch16_224", (1, 128, 304)),
        ("maxvit_nano_rw_256", (1, 256, 256)),
        ("densenet121", (1, 64, 101)),
        ("vgg11_bn", (1, 64, 301)),
        ("coatnet_nano_rw_224", (1, 224, 224)),
    ],
)
def test_larger_families(name, shape):
    given = logits(name, shape)
    assert given.shape == (2, 7)
    assert given.isfinite().all()


def test_features_are_the_global_average_of_the_last_map():
    backbone, num_features = build("resnet18", (1, 64, 96))
    assert num_features == 512
    images = torch.randn(2, 1, 64, 96, generator=RANDOM)
    backbone.eval()
    with torch.no_grad():
        features, feature_map = backbone(images), backbone.forward_features(images)
    assert feature_map.shape == (2, 512, 2, 3)
    torch.testing.assert_close(features, feature_map.mean(dim=(2, 3)), rtol=0, atol=1e-5)


def test_a_transformer_averages_its_patches_and_not_its_class_token():
    backbone, num_features = build("vit_tiny_patch16_224", (1, 32, 48))
    assert num_features == 192
    images = torch.randn(2, 1, 32, 48, generator=RANDOM)
    backbone.eval()
    with torch.no_grad():
        features, tokens = backbone(images), backbone.forward_features(images)
    assert tokens.shape == (2, 1 + 2 * 3, 192)
    torch.testing.assert_close(features, tokens[:, 1:].mean(dim=1), rtol=0, atol=1e-5)


def test_building_leaves_the_mode_and_the_statistics_alone():
    backbone, _ = build("resnet18", (1, 64, 64))
    assert backbone.training
    assert all(module.training for module in backbone.modules())
    assert torch.equal(backbone.bn1.running_mean, torch.zeros(64))
    assert backbone.bn1.num_batches_tracked == 0


def test_options_reach_timm():
    backbone, _ = build("efficientnet_b0", (1, 64, 64), drop_path=0.3, bn_eps=2e-3)
    epsilons = {module.eps for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)}
    assert epsilons == {2e-3}
    rates = [module.drop_prob for module in backbone.modules() if isinstance(module, timm.layers.DropPath)]
    assert rates == sorted(rates)
    assert 0.2 < max(rates) < 0.3


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resnet8", "timm has no model 'resnet8'; did you mean '"),
        ("efficientnetb7", "did you mean 'efficientnet_b7'"),
        ("ResNet18", "did you mean 'resnet18'"),
        ("resnet18.a1_in2k", "timm has no weights 'resnet18.a1_in2k'; did you mean 'resnet18.a1_in1k'"),
        ("xyzzy", "timm has no model 'xyzzy'"),
        ("", "timm has no model ''"),
    ],
)
def test_unknown_names_are_told_with_a_hint(name, hint):
    with pytest.raises(UserError, match="timm has no") as caught:
        check_backbone(name)
    assert hint in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["resnet18", "resnet18.a1_in1k", "tf_efficientnet_b7.aa_in1k", "resnet50.a1_in1k"])
def test_known_names_are_kept(name):
    assert check_backbone(name) == name


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("vgg11_bn", (1, 16, 16)),  # five halvings leave nothing
        ("halonet_h1", (1, 64, 101)),  # blocks of 8 do not tile it
        ("vit_tiny_patch16_224", (1, 8, 8)),  # less than a patch
    ],
)
def test_images_that_do_not_suit_are_one_message(name, shape):
    with torch.device("meta"), pytest.raises(UserError) as caught:
        build(name, shape)
    assert len(caught.value.problems) == 1
    assert f"model.backbone={name}" in str(caught.value)
    assert f"{shape[1]}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet18", {"bn_eps": 1e-3}, "cannot be built with .*bn_eps"),
        ("vgg11", {"drop_path": 0.1}, "cannot be built with .*drop_path_rate"),
        ("pit_ti_224", {}, "no globally average-pooled features: Only token pooling"),
        ("mobilenetv5_300m_enc", {}, "no globally average-pooled features"),
    ],
)
def test_what_a_backbone_does_not_offer_is_one_message(name, options, message):
    with torch.device("meta"), pytest.raises(UserError, match=message):
        build(name, (1, 224, 224), **options)
