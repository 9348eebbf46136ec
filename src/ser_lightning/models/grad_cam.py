"""What a convolutional network looks at: Grad-CAM on the last feature maps of its backbone.

Selvaraju et al. (2017), "Grad-CAM: visual explanations from deep networks via gradient-based localization": the maps
are added, each weighted by the mean gradient of a class's logit over the map, and what speaks against the class is cut
off (ReLU). timm's models give the maps by `forward_features` and pool them in `forward_head`, whatever the family.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, Protocol, cast

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from ser_lightning.models.network import EmotionNetwork

BATCH = 16
"""Images at a time: a long clip has many windows."""


class Evidence(NamedTuple):
    """Where each image has evidence for its class, not negative; None, and the reason, where that cannot be said."""

    maps: Float[Tensor, "batch height width"] | None
    reason: str


class Staged(Protocol):
    """A backbone in two stages, as all of timm's are; `num_features` counts the channels of its maps."""

    num_features: int

    def forward_features(self, image: Tensor) -> Tensor:
        """The last feature maps."""

    def forward_head(self, features: Tensor) -> Tensor:
        """The pooled features of the maps."""


class OpenNetwork(nn.Module):
    """The network with its feature maps passing through `maps`, where they can be watched; the same logits."""

    def __init__(self, network: EmotionNetwork) -> None:
        super().__init__()
        self.backbone = network.backbone
        self.head = network.head
        self.maps = nn.Identity()

    def forward(self, image: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch class"]:
        """The logits of each image; gradients begin at the maps, so that nothing before them is kept in memory."""
        backbone = cast("Staged", self.backbone)
        with torch.no_grad():
            features = backbone.forward_features(image)
        logits: Tensor = self.head(backbone.forward_head(self.maps(features.detach().requires_grad_())))
        return logits


@torch.inference_mode(False)
def grad_cam(
    network: EmotionNetwork,
    images: Float[Tensor, "batch channel height width"],
    target: Int64[Tensor, batch],
) -> Evidence:
    """The evidence of each image for its class in `target`, as large as the image; the network is left as it is.

    Works where gradients are switched off, and with weights that were moved while they were.
    """
    network = copy.deepcopy(network).eval()  # so that no flag or mode has to be put back
    watched = OpenNetwork(network).eval()
    if reason := _unfit(network, watched, images[:1]):
        return Evidence(None, reason)
    parts = zip(torch.split(images, BATCH), torch.split(target, BATCH), strict=True)
    return Evidence(torch.cat([_maps(watched, image, classes) for image, classes in parts]), "")


def _maps(
    watched: OpenNetwork, images: Float[Tensor, "batch channel height width"], target: Int64[Tensor, batch]
) -> Float[Tensor, "batch height width"]:
    from captum.attr import LayerGradCam

    with torch.enable_grad():
        coarse = LayerGradCam(watched, watched.maps).attribute(images, target.clone(), relu_attributions=True)
    fine = functional.interpolate(coarse.detach(), images.shape[2:], mode="bilinear", align_corners=False)
    return fine[:, 0]


@torch.no_grad()
def _unfit(network: EmotionNetwork, watched: OpenNetwork, image: Float[Tensor, "1 channel height width"]) -> str:
    """Why there can be no Grad-CAM of this network; empty where there can."""
    backbone = cast("Staged", watched.backbone)
    try:
        features = backbone.forward_features(image)
        backbone.forward_head(features)
    except (AttributeError, TypeError) as error:
        return f"its backbone is not of two stages, maps and pooling ({error})"
    shape = " x ".join(map(str, features.shape[1:])) if isinstance(features, Tensor) else type(features).__name__
    if not isinstance(features, Tensor) or features.ndim != 4:
        return f"its backbone gives no feature maps [channel height width] but {shape}, as a transformer's tokens are"
    if features.shape[1] != backbone.num_features == features.shape[3]:
        return f"its backbone gives its features with the channels last ({shape}), as some transformers do"
    same = torch.allclose(watched(image), network(image), rtol=1e-4, atol=1e-5)
    return "" if same else "its backbone does more than pool its last feature maps"
