"""L = (1/B) sum_i sum_c w_c y_ic (-log p_ic), by hand and against torch.nn.functional.cross_entropy."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch.nn import functional

from ser_lightning.errors import UserError
from ser_lightning.losses import WeightedCrossEntropy, class_weights, weighted_cross_entropy

LABELS = ("angry", "happy", "sad")
COUNTS = torch.tensor([10.0, 30.0, 60.0])
RANDOM = torch.Generator().manual_seed(0)
LOGITS = 3.0 * torch.randn(32, 3, generator=RANDOM)
HARD = torch.randint(0, 3, (32,), generator=RANDOM)
ONE_HOT = functional.one_hot(HARD, 3).float()
SOFT = torch.rand(32, 3, generator=RANDOM).softmax(1)


def logits_of(*rows: list[float]) -> torch.Tensor:
    """Logits whose softmax are these probabilities."""
    return torch.tensor(rows).log()


def test_hard_targets_by_hand():
    logits = logits_of([0.5, 0.25, 0.25], [0.1, 0.8, 0.1])
    target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    weight = torch.tensor([2.0, 5.0, 3.0])
    expected = (2 * -log(0.5) + 3 * -log(0.1)) / 2
    assert weighted_cross_entropy(logits, target, weight).item() == pytest.approx(expected, rel=1e-6)


def test_soft_targets_by_hand():
    logits = logits_of([0.5, 0.25, 0.25], [0.1, 0.8, 0.1])
    target = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.5, 0.5]])
    weight = torch.tensor([2.0, 5.0, 3.0])
    first = 2 * 0.7 * -log(0.5) + 5 * 0.3 * -log(0.25)
    second = 5 * 0.5 * -log(0.8) + 3 * 0.5 * -log(0.1)
    loss = weighted_cross_entropy(logits, target, weight)
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_the_batch_does_not_divide_by_its_weights():
    # Where every clip of the batch is of one class, torch's mean cancels the weight; here it stays.
    weight, target = torch.tensor([4.0, 1.0, 1.0]), torch.tensor([[1.0, 0.0, 0.0]])
    loss = weighted_cross_entropy(torch.zeros(1, 3), target, weight)
    assert loss.item() == pytest.approx(4 * log(3), rel=1e-6)
    assert functional.cross_entropy(torch.zeros(1, 3), target, weight).item() == pytest.approx(4 * log(3), rel=1e-6)
    hard = functional.cross_entropy(torch.zeros(1, 3), torch.tensor([0]), weight)
    assert hard.item() == pytest.approx(log(3), rel=1e-6)


@pytest.mark.parametrize("weights", ["inverse", "balanced", "effective_number", "none"])
def test_equals_torch_summed_over_the_number_of_clips(weights):
    loss = WeightedCrossEntropy(COUNTS, LABELS, weights=weights)
    hard = functional.cross_entropy(LOGITS, HARD, class_weights(COUNTS, weights), reduction="sum") / len(HARD)
    torch.testing.assert_close(loss(LOGITS, ONE_HOT), hard, rtol=1e-6, atol=1e-6)
    soft = functional.cross_entropy(LOGITS, SOFT, class_weights(COUNTS, weights), reduction="sum") / len(HARD)
    torch.testing.assert_close(loss(LOGITS, SOFT), soft, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("weights", ["balanced", "none"])
def test_label_smoothing_equals_torchs(smoothing, weights):
    loss = WeightedCrossEntropy(COUNTS, LABELS, weights=weights, label_smoothing=smoothing)
    weight = None if weights == "none" else class_weights(COUNTS, weights)
    # torch smooths class indices by the same formula, and with reduction="sum" divides by nothing.
    expected = functional.cross_entropy(LOGITS, HARD, weight, reduction="sum", label_smoothing=smoothing) / len(HARD)
    torch.testing.assert_close(loss(LOGITS, ONE_HOT), expected, rtol=1e-6, atol=1e-6)
    expected = functional.cross_entropy(LOGITS, SOFT, weight, reduction="sum", label_smoothing=smoothing) / len(HARD)
    torch.testing.assert_close(loss(LOGITS, SOFT), expected, rtol=1e-6, atol=1e-6)


def test_the_mean_over_two_halves_is_the_loss_of_the_whole():
    # What gradient accumulation and several devices do; torch's weighted mean fails this.
    loss = WeightedCrossEntropy(COUNTS, LABELS)
    halves = (loss(LOGITS[:16], ONE_HOT[:16]) + loss(LOGITS[16:], ONE_HOT[16:])) / 2
    torch.testing.assert_close(halves, loss(LOGITS, ONE_HOT), rtol=1e-6, atol=0)


def test_a_mixed_pair_has_the_mixed_loss():
    loss = WeightedCrossEntropy(COUNTS, LABELS, weights="inverse")
    logits, target = LOGITS[:1], 0.3 * ONE_HOT[:1] + 0.7 * torch.tensor([[0.0, 0.0, 1.0]])
    pure = loss(logits, ONE_HOT[:1]), loss(logits, torch.tensor([[0.0, 0.0, 1.0]]))
    torch.testing.assert_close(loss(logits, target), 0.3 * pure[0] + 0.7 * pure[1], rtol=1e-6, atol=0)


def test_weights_by_hand():
    assert class_weights(COUNTS, "inverse").tolist() == pytest.approx([10.0, 100 / 30, 100 / 60], rel=1e-6)
    assert class_weights(COUNTS, "balanced").tolist() == pytest.approx([10 / 3, 10 / 9, 5 / 9], rel=1e-6)
    assert class_weights(COUNTS, "none").tolist() == [1.0, 1.0, 1.0]
    beta = 0.9
    raw = [(1 - beta) / (1 - beta**count) for count in (10, 30, 60)]
    mean = (10 * raw[0] + 30 * raw[1] + 60 * raw[2]) / 100
    weights = class_weights(COUNTS, "effective_number", beta=beta)
    assert weights.tolist() == pytest.approx([value / mean for value in raw], rel=1e-6)
    assert weights.dtype == torch.float32


@pytest.mark.parametrize("counts", [[10.0, 30.0, 60.0], [1.0, 1.0], [1.0, 9743.0], [5.0] * 8])
@pytest.mark.parametrize("weights", ["balanced", "effective_number", "none"])
def test_the_mean_weight_over_clips_is_one(counts, weights):
    table = torch.tensor(counts)
    assert (class_weights(table, weights) * table).sum().item() == pytest.approx(table.sum().item(), rel=1e-5)


def test_inverse_weighs_each_class_of_the_part_alike():
    weighed = class_weights(COUNTS, "inverse") * COUNTS
    torch.testing.assert_close(weighed, torch.full((3,), 100.0))


def test_effective_number_lies_between_none_and_balanced():
    # beta -> 0 gives every clip weight 1, beta -> 1 the inverse frequency (Cui et al. 2019, section 4).
    torch.testing.assert_close(class_weights(COUNTS, "effective_number", beta=1e-6), torch.ones(3))
    near_one = class_weights(COUNTS, "effective_number", beta=1 - 1e-7)
    torch.testing.assert_close(near_one, class_weights(COUNTS, "balanced"), rtol=1e-4, atol=0)


def test_balanced_counts_weigh_nothing():
    for weights in ("balanced", "effective_number", "none"):
        torch.testing.assert_close(class_weights(torch.full((7,), 400.0), weights), torch.ones(7))


@pytest.mark.parametrize("weights", ["inverse", "balanced", "effective_number", "none"])
def test_absent_classes_are_refused_by_name(weights):
    with pytest.raises(UserError, match="no clip of angry, sad"):
        WeightedCrossEntropy(torch.tensor([0.0, 5.0, 0.0]), LABELS, weights=weights)


def test_weights_go_with_the_device_but_not_into_checkpoints():
    loss = WeightedCrossEntropy(COUNTS, LABELS)
    assert list(loss.state_dict()) == []
    assert loss.to("meta").weight.device.type == "meta"


@pytest.mark.parametrize("target", [ONE_HOT, SOFT], ids=["hard", "soft"])
def test_bfloat16_autocast_changes_neither_loss_nor_gradient(target):
    loss = WeightedCrossEntropy(COUNTS, LABELS, label_smoothing=0.1)
    gradients, values = [], []
    for enabled in (False, True):
        logits = LOGITS.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            value = loss(logits, target)
        value.backward()
        values.append(value)
        gradients.append(logits.grad)
    assert values[1].dtype == torch.float32
    assert torch.equal(values[0], values[1])
    assert torch.equal(gradients[0], gradients[1])


def test_bfloat16_logits_are_scored_in_float32():
    logits = LOGITS.bfloat16()
    loss = weighted_cross_entropy(logits, ONE_HOT, torch.ones(3))
    assert loss.dtype == torch.float32
    assert torch.equal(loss, weighted_cross_entropy(logits.float(), ONE_HOT, torch.ones(3)))


def test_gradient_is_weighted_probability_minus_target():
    # d/dlogit of -sum_c w_c y_c log p_c is p sum_c(w_c y_c) - w y, over the clips' number.
    loss = WeightedCrossEntropy(COUNTS, LABELS)
    logits = LOGITS.clone().requires_grad_()
    loss(logits, SOFT).backward()
    weighted = SOFT * loss.weight
    expected = (LOGITS.softmax(1) * weighted.sum(1, keepdim=True) - weighted) / len(LOGITS)
    torch.testing.assert_close(logits.grad, expected, rtol=1e-5, atol=1e-7)


def test_extreme_logits_stay_finite():
    logits = torch.tensor([[1e4, -1e4, 0.0]])
    loss = weighted_cross_entropy(logits, torch.tensor([[0.0, 1.0, 0.0]]), torch.ones(3))
    assert loss.item() == pytest.approx(2e4)
