"""Scores over whole parts, from one confusion matrix and one set of ranked probabilities (torchmetrics).

Nothing is averaged over batches. What is undefined is None: recall and AUROC of a class that the part does not hold.
Averages run over the classes where a value is defined, as scikit-learn's balanced_accuracy_score (classes in the
truth) and f1_score (classes in the truth or the predictions) do.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TypedDict

from jaxtyping import Float, Int64
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAUROC, MulticlassConfusionMatrix


class ClassScores(TypedDict):
    """The scores of one class against all others."""

    precision: float
    recall: float | None
    f1: float | None
    auroc: float | None
    support: int


class Scores(TypedDict):
    """The scores of a part; `confusion` counts clips, rows are the truth."""

    clips: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    weighted_f1: float
    auroc: float | None
    confusion: list[list[int]]
    per_class: dict[str, ClassScores]


def emotion_metrics(num_classes: int, *, over_processes: bool) -> MetricCollection:
    """The two metrics that all scores follow from; update with probabilities [clip class] and labels [clip].

    `over_processes` pools what all processes of a distributed run have seen; then all of them must compute.
    """
    return MetricCollection(
        {
            "confusion": MulticlassConfusionMatrix(num_classes, sync_on_compute=over_processes),
            "auroc": MulticlassAUROC(num_classes, average=None, thresholds=None, sync_on_compute=over_processes),
        },
        compute_groups=False,
    )


def computed_scores(metrics: MetricCollection, labels: Sequence[str]) -> Scores:
    """The scores of all that `metrics` has seen."""
    with warnings.catch_warnings():
        # A class without clips, or with nothing but clips, has no AUROC; `scores` makes it None.
        warnings.filterwarnings("ignore", message="No (positive|negative) samples in targets", category=UserWarning)
        computed = metrics.compute()
    return scores(computed["confusion"], computed["auroc"], labels)


def score_clips(
    probabilities: Float[Tensor, "clip class"], label: Int64[Tensor, clip], labels: Sequence[str]
) -> Scores:
    """The scores of these clips."""
    metrics = emotion_metrics(len(labels), over_processes=False).to(probabilities.device)
    metrics.update(probabilities, label)
    return computed_scores(metrics, labels)


def scores(confusion: Int64[Tensor, "class class"], auroc: Float[Tensor, "class"], labels: Sequence[str]) -> Scores:
    """All scores from the confusion matrix (rows: truth) and the one-vs-rest AUROC of each class."""
    counts = confusion.double().cpu()
    hits, support, predicted, total = counts.diagonal(), counts.sum(1), counts.sum(0), counts.sum()
    precision = hits / predicted.clamp(min=1)
    recall = hits / support.clamp(min=1)
    f1 = 2 * hits / (support + predicted).clamp(min=1)
    ranked = (support > 0) & (support < total)
    seen, mentioned = support > 0, (support + predicted) > 0
    per_class = {
        label: ClassScores(
            precision=float(precision[i]),
            recall=float(recall[i]) if seen[i] else None,
            f1=float(f1[i]) if mentioned[i] else None,
            auroc=float(auroc[i]) if ranked[i] else None,
            support=int(support[i]),
        )
        for i, label in enumerate(labels)
    }
    return Scores(
        clips=int(total),
        accuracy=float(hits.sum() / total),
        balanced_accuracy=float(recall[seen].mean()),
        macro_f1=float(f1[mentioned].mean()),
        weighted_f1=float((f1 * support).sum() / total),
        auroc=float(auroc.double().cpu()[ranked].mean()) if ranked.any() else None,
        confusion=confusion.tolist(),
        per_class=per_class,
    )


def balanced_accuracy(confusion: Float[Tensor, "class class"]) -> Float[Tensor, ""]:
    """The mean recall over classes present in the truth (rows), without leaving the device.

    >>> balanced_accuracy(torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
    tensor(0.5000)
    """
    support = confusion.sum(1)
    seen = (support > 0).to(confusion.dtype)
    return (confusion.diagonal() / support.clamp(min=1)).sum() / seen.sum().clamp(min=1)
