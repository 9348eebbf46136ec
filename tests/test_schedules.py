"""The learning rate of each step, by hand."""

from __future__ import annotations

from itertools import pairwise
from math import cos, pi

import pytest
import torch

from ser_lightning.schedules import constant, warmup_cosine, warmup_cosine_factor


def rates(make, total_steps: int, *, steps: int | None = None, lr: float = 1.0, **options: float) -> list[float]:
    """The rate that each optimizer step used, in the order of a training loop."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=lr)
    scheduler = make(optimizer, total_steps, **options)
    used = []
    for _ in range(total_steps if steps is None else steps):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return used


def test_warmup_cosine_by_hand():
    used = rates(warmup_cosine, 10, lr=2.0, warmup_fraction=0.2, final_fraction=0.1)
    half = [0.1 + 0.9 * (1 + cos(pi * k / 8)) / 2 for k in range(8)]
    assert used == pytest.approx([1.0, 2.0] + [2 * factor for factor in half])


def test_the_rate_never_is_zero_while_training():
    for total_steps in (1, 2, 3, 10, 57, 1000):
        assert min(rates(warmup_cosine, total_steps, final_fraction=0.0)) > 0


def test_the_peak_is_the_rate_and_the_end_the_final_fraction():
    used = rates(warmup_cosine, 1000, steps=1001, lr=3e-4)
    assert max(used) == pytest.approx(3e-4)
    assert used.index(max(used)) == 99
    assert used[1000] == pytest.approx(3e-6)


def test_warmup_rises_and_the_cosine_falls():
    used = rates(warmup_cosine, 100)
    assert used[:10] == pytest.approx([0.1 * (k + 1) for k in range(10)])
    assert all(later < earlier for earlier, later in pairwise(used[10:]))


@pytest.mark.parametrize(
    ("total_steps", "expected"),
    [(1, [1.0]), (2, [1.0, 0.505])],
)
def test_few_steps(total_steps, expected):
    # round(0.1 x 2) = 0: no warm-up; the second of two steps is half way down.
    assert rates(warmup_cosine, total_steps) == pytest.approx(expected)


def test_all_warmup():
    assert rates(warmup_cosine, 4, warmup_fraction=1.0) == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_no_warmup_and_no_decay_is_constant():
    used = rates(warmup_cosine, 7, warmup_fraction=0.0, final_fraction=1.0)
    assert used == pytest.approx(rates(constant, 7))
    assert rates(constant, 7, lr=0.3) == [0.3] * 7


def test_steps_after_the_last_stay_at_the_final_fraction():
    assert [warmup_cosine_factor(step, 1, 5, 0.25) for step in (5, 6, 100)] == [0.25] * 3


def test_each_group_keeps_its_share_of_the_rate():
    one, other = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([{"params": [one], "lr": 1.0}, {"params": [other], "lr": 0.1}])
    scheduler = warmup_cosine(optimizer, 20)
    for _ in range(20):
        first, second = (group["lr"] for group in optimizer.param_groups)
        assert second == pytest.approx(0.1 * first)
        optimizer.step()
        scheduler.step()
