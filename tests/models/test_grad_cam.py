"""Grad-CAM points at the planted evidence, on any convolutional backbone, and leaves the network as it was."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ser_lightning.models.grad_cam import BATCH, OpenNetwork, grad_cam
from ser_lightning.models.network import EmotionNetwork, emotion_network

RANDOM = torch.Generator().manual_seed(0)


class Toy(nn.Module):
    """Its maps are the image and its negative, averaged over 4 x 4 pixels; pooled by the mean."""

    num_features = 2

    def forward_features(self, image: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(torch.cat([image, -image], dim=1), 4)

    def forward_head(self, features: Tensor) -> Tensor:
        return features.mean(dim=(2, 3))

    def forward(self, image: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(image))


def toy() -> EmotionNetwork:
    """Class 0 is spoken for by bright pixels, class 1 by dark ones, class 2 by nothing."""
    head = nn.Linear(2, 3, bias=False)
    head.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    return EmotionNetwork(Toy(), head).eval()


def patched() -> Tensor:
    """A bright patch at rows 4 to 7, columns 16 to 19, and a dark one at rows 20 to 23, columns 8 to 11."""
    image = torch.zeros(1, 1, 32, 40)
    image[..., 4:8, 16:20] = 1.0
    image[..., 20:24, 8:12] = -1.0
    return image


@pytest.mark.parametrize(("target", "rows", "columns"), [(0, (4, 8), (16, 20)), (1, (20, 24), (8, 12))])
def test_the_peak_is_where_the_evidence_was_planted(target, rows, columns):
    maps, reason = grad_cam(toy(), patched(), torch.tensor([target]))
    assert (tuple(maps.shape), reason) == ((1, 32, 40), "")
    row, column = divmod(int(maps.argmax()), 40)
    assert rows[0] <= row < rows[1]
    assert columns[0] <= column < columns[1]
    assert maps.min() == 0  # what speaks against the class is cut off


def test_the_maps_are_those_of_the_paper():
    # Selvaraju et al. (2017), equations 1 and 2: the weight of a map is the mean gradient of the logit over its cells.
    maps, _ = grad_cam(toy(), patched(), torch.tensor([0]))
    coarse = nn.functional.avg_pool2d(patched(), 4).relu() / (8 * 10)
    expected = nn.functional.interpolate(coarse, (32, 40), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(maps, expected)


def test_a_class_that_nothing_speaks_for_has_no_evidence():
    maps, reason = grad_cam(toy(), patched(), torch.tensor([2]))
    assert (float(maps.abs().max()), reason) == (0.0, "")


CONVOLUTIONAL = ("test_resnet", "test_efficientnet", "resnet18", "mobilenetv3_small_050", "efficientnet_b0")


def timm_network(backbone: str, **options) -> EmotionNetwork:
    torch.manual_seed(0)
    return emotion_network(5, (1, 64, 96), backbone=backbone, hidden=16, **options).eval()


@pytest.mark.parametrize("backbone", CONVOLUTIONAL)
def test_the_opened_network_has_the_networks_logits_and_there_are_maps(backbone):
    network = timm_network(backbone)
    images = torch.randn(3, 1, 64, 96, generator=RANDOM)
    with torch.no_grad():
        torch.testing.assert_close(OpenNetwork(network)(images), network(images))
    maps, reason = grad_cam(network, images, torch.tensor([0, 4, 2]))
    assert (tuple(maps.shape), reason) == ((3, 64, 96), "")
    assert maps.min() >= 0


def test_a_transformer_has_no_maps():
    network = emotion_network(3, (1, 160, 160), backbone="test_vit", hidden=8).eval()
    maps, reason = grad_cam(network, torch.zeros(1, 1, 160, 160), torch.tensor([0]))
    assert maps is None
    assert reason.startswith("its backbone gives no feature maps [channel height width] but ")


def test_maps_with_the_channels_last_are_known_where_the_head_makes_more_features_of_them():
    network = emotion_network(3, (1, 160, 160), backbone="test_mambaout", hidden=8).eval()
    maps, reason = grad_cam(network, torch.zeros(1, 1, 160, 160), torch.tensor([0]))
    assert (maps, reason) == (
        None,
        "its backbone gives its features with the channels last (5 x 5 x 64), as some transformers do",
    )


class Last(Toy):
    """Channels last, as Swin has them."""

    def forward_features(self, image: Tensor) -> Tensor:
        return super().forward_features(image).movedim(1, 3)

    def forward_head(self, features: Tensor) -> Tensor:
        return features.mean(dim=(1, 2))


class More(Toy):
    """Does something after its two stages."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image) + 1.0


class Flat(nn.Module):
    """Has no stages."""

    def forward(self, image: Tensor) -> Tensor:
        return image.flatten(1)[:, :2]


@pytest.mark.parametrize(
    ("backbone", "reason"),
    [(Last(), "channels last (8 x 10 x 2)"), (More(), "more than pool"), (Flat(), "not of two stages")],
    ids=["last", "more", "flat"],
)
def test_other_backbones_are_refused_with_the_reason(backbone, reason):
    network = EmotionNetwork(backbone, nn.Linear(2, 3)).eval()
    maps, why = grad_cam(network, patched(), torch.tensor([0]))
    assert maps is None
    assert reason in why


@pytest.mark.parametrize("freeze_epochs", [0, 2])
@pytest.mark.parametrize("training", [False, True])
def test_the_network_comes_back_as_it_was(freeze_epochs, training):
    network = timm_network("test_resnet", freeze_epochs=freeze_epochs).train(training)
    tensors = {name: value.clone() for name, value in network.state_dict().items()}
    modes = {name: module.training for name, module in network.named_modules()}
    flags = {name: value.requires_grad for name, value in network.named_parameters()}
    maps, _ = grad_cam(network, torch.randn(2, 1, 64, 96, generator=RANDOM), torch.tensor([0, 1]))
    assert maps is not None
    assert {name: module.training for name, module in network.named_modules()} == modes
    assert {name: value.requires_grad for name, value in network.named_parameters()} == flags
    assert [name for name, value in network.named_parameters() if value.grad is not None] == []
    assert [name for name, value in network.state_dict().items() if not torch.equal(value, tensors[name])] == []
    assert all(not module._forward_hooks and not module._backward_hooks for module in network.modules())


def test_one_by_one_and_in_batches_are_the_same_and_no_gradient_is_asked_for():
    network = timm_network("test_resnet")
    images = torch.randn(BATCH + 2, 1, 64, 96, generator=RANDOM)
    target = torch.arange(BATCH + 2) % 5
    with torch.no_grad():
        together, _ = grad_cam(network, images, target)
    alone = [grad_cam(network, images[row : row + 1], target[row : row + 1]).maps for row in (0, BATCH, BATCH + 1)]
    torch.testing.assert_close(together[[0, BATCH, BATCH + 1]], torch.cat(alone), rtol=1e-4, atol=1e-6)
    assert not together.requires_grad


def test_weights_that_were_moved_in_inference_mode_and_callers_in_it_get_the_same_maps():
    network, images = timm_network("test_resnet"), torch.randn(2, 1, 64, 96, generator=RANDOM)
    target = torch.tensor([0, 1])
    expected, _ = grad_cam(network, images, target)
    with torch.inference_mode():
        network.double().float()  # as a move to a GPU and back
        within, _ = grad_cam(network, images.clone(), target.clone())
    after, _ = grad_cam(network, images, target)
    torch.testing.assert_close(within, expected)
    torch.testing.assert_close(after, expected)
