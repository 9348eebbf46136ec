"""Class-weighted cross-entropy, one formula for hard and soft targets.

L = (1/B) sum_i sum_c w_c y_ic (-log p_ic), B the number of clips. torch's `cross_entropy(weight=...)` divides by the
batch's weights instead, which makes `inverse` and `balanced` the same and changes under mixing and several devices.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Interval
from jaxtyping import Float
from torch import Tensor, nn

from ser_lightning.errors import UserError

Weighting = Literal["inverse", "balanced", "effective_number", "none"]


class WeightedCrossEntropy(nn.Module):
    """Cross-entropy with weights from the training part's class counts.

    `label_smoothing` s moves targets towards uniform: (1 - s) y + s / K. `beta` is that of `effective_number`.
    """

    weight: Tensor

    def __init__(
        self,
        counts: Float[Tensor, "class"],
        labels: tuple[str, ...],
        *,
        weights: Weighting = "balanced",
        label_smoothing: Annotated[float, Interval(ge=0, lt=1)] = 0.0,
        beta: Annotated[float, Interval(gt=0, lt=1)] = 0.999,
    ) -> None:
        super().__init__()
        absent = [label for label, count in zip(labels, counts.tolist(), strict=True) if count == 0]
        if absent:
            raise UserError(
                f"the training part has no clip of {', '.join(absent)}, so it cannot be learned or weighted; "
                "choose another split or seed, or a label set without it"
            )
        self.register_buffer("weight", class_weights(counts, weights, beta=beta), persistent=False)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Float[Tensor, "batch class"], target: Float[Tensor, "batch class"]) -> Float[Tensor, ""]:
        """The mean over clips of the weighted cross-entropy; `target` rows are probabilities."""
        smoothed = target * (1 - self.label_smoothing) + self.label_smoothing / target.shape[1]
        return weighted_cross_entropy(logits, smoothed, self.weight)


def weighted_cross_entropy(
    logits: Float[Tensor, "batch class"], target: Float[Tensor, "batch class"], weight: Float[Tensor, "class"]
) -> Float[Tensor, ""]:
    """(1/B) sum_i sum_c w_c y_ic (-log p_ic), in float32.

    >>> weighted_cross_entropy(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.tensor([3.0, 1.0]))
    tensor(2.0794)
    """
    log_p = torch.log_softmax(logits.float(), dim=1)
    return -(weight * target * log_p).sum(dim=1).mean()


def class_weights(counts: Float[Tensor, "class"], weights: Weighting, *, beta: float = 0.999) -> Float[Tensor, "class"]:
    """w_c from the class counts n_c, N their sum, K their number.

    inverse: N / n_c. balanced: N / (K n_c), whose mean over the clips is 1. effective_number: (1 - beta) / (1 -
    beta^n_c), scaled to mean 1 over the clips (Cui et al. 2019, CVPR, arXiv 1901.05555). none: 1.

    >>> class_weights(torch.tensor([1.0, 3.0]), "inverse")
    tensor([4.0000, 1.3333])
    """
    total = counts.sum()
    if weights == "inverse":
        return total / counts
    if weights == "balanced":
        return total / (len(counts) * counts)
    if weights == "effective_number":
        raw = (1 - beta) / (1 - torch.pow(torch.tensor(beta, dtype=torch.float64), counts.double()))
        return (raw * counts.sum() / (raw * counts).sum()).to(counts.dtype)
    return torch.ones_like(counts)
