"""Image -> logits: a backbone, its globally average-pooled features, and a dense head."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt, Interval
from jaxtyping import Float
from torch import Tensor, nn

from ser_lightning.models.backbone import BackboneName, create_backbone


class EmotionNetwork(nn.Module):
    """Features of `backbone` and logits of `head`; the backbone is frozen for the first `freeze_epochs` epochs.

    A frozen backbone keeps every bit: no gradient, no weight decay, and its batch statistics do not move.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, *, freeze_epochs: int = 0) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.freeze_epochs = freeze_epochs
        self.frozen = False
        self.start_epoch(0)

    def forward(self, image: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch class"]:
        """The logits of each image."""
        logits: Tensor = self.head(self.backbone(image))
        return logits

    def start_epoch(self, epoch: int) -> None:
        """Freeze or thaw the backbone as the plan has it for this epoch."""
        self.frozen = epoch < self.freeze_epochs
        self.backbone.requires_grad_(not self.frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> EmotionNetwork:
        """Training mode; a frozen backbone stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self


def emotion_network(
    num_classes: int,
    image_shape: tuple[int, int, int],
    *,
    backbone: BackboneName,
    pretrained: bool = False,
    weights: str | None = None,
    hidden: Annotated[int, Gt(0)] = 256,
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.3,
    drop_path: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
    bn_eps: Annotated[float, Gt(0)] | None = None,
    freeze_epochs: Annotated[int, Ge(0)] = 0,
) -> EmotionNetwork:
    """A timm backbone with a dense ReLU layer of `hidden` units, dropout, and a dense output.

    Raises UserError where the backbone's weights cannot be had, or it does not take these images.
    """
    body, num_features = create_backbone(
        backbone, pretrained=pretrained, weights=weights, image_shape=image_shape, drop_path=drop_path, bn_eps=bn_eps
    )
    return EmotionNetwork(body, dense_head(num_features, hidden, num_classes, dropout), freeze_epochs=freeze_epochs)


def dense_head(num_features: int, hidden: int, num_classes: int, dropout: float) -> nn.Sequential:
    """Dense ReLU layer, dropout, dense output."""
    return nn.Sequential(
        nn.Linear(num_features, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, num_classes)
    )
