"""Scores while training: torchmetrics keep the state over batches, `evaluation.scores` has the formulas.

Nothing is averaged over batches: a part is scored whole, from one confusion matrix and one set of ranked probabilities.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAUROC, MulticlassConfusionMatrix

from ser_lightning.evaluation.scores import accuracy, macro_f1, mean_defined, recalls


class EpochScores(TypedDict):
    """The scores of a part after an epoch; NaN where one is undefined, as the recall of a class without clips."""

    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    auroc: float
    recall: dict[str, float]


def emotion_metrics(num_classes: int) -> MetricCollection:
    """The two metrics that all scores follow from; update with probabilities [clip class] and labels [clip].

    Nothing is pooled over processes, as each of them is given all clips.
    """
    return MetricCollection(
        {
            "confusion": MulticlassConfusionMatrix(num_classes, sync_on_compute=False),
            "auroc": MulticlassAUROC(num_classes, average=None, thresholds=None, sync_on_compute=False),
        },
        compute_groups=False,
    )


def computed_scores(metrics: MetricCollection, labels: Sequence[str]) -> EpochScores:
    """The scores of all that `metrics` has seen."""
    with warnings.catch_warnings():
        # A class without clips, or with nothing but clips, has no AUROC; below it counts nowhere.
        warnings.filterwarnings("ignore", message="No (positive|negative) samples in targets", category=UserWarning)
        computed = metrics.compute()
    confusion = computed["confusion"].double().cpu().numpy()
    support = confusion.sum(axis=1)
    ranked = (support > 0) & (support < support.sum())
    auroc = np.where(ranked, computed["auroc"].double().cpu().numpy(), np.nan)
    recall = recalls(confusion)
    return EpochScores(
        accuracy=float(accuracy(confusion)),
        balanced_accuracy=float(mean_defined(recall)),
        macro_f1=float(macro_f1(confusion)),
        auroc=float(mean_defined(auroc)),
        recall={label: float(recall[index]) for index, label in enumerate(labels)},
    )


def balanced_accuracy(confusion: Float[Tensor, "class class"]) -> Float[Tensor, ""]:
    """The mean recall over classes present in the truth (rows), without leaving the device.

    >>> import torch
    >>> balanced_accuracy(torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    tensor(0.5000)
    """
    support = confusion.sum(1)
    seen = (support > 0).to(confusion.dtype)
    return (confusion.diagonal() / support.clamp(min=1)).sum() / seen.sum().clamp(min=1)
