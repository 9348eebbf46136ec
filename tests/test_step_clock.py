"""The share of input in a step, worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from ser_lightning.step_clock import HostMoment, StepClock


def test_input_is_from_the_end_of_a_step_until_its_batch_is_ready():
    # Two steps: 1 s of input and 4 s of network, then 2 s and 3 s.
    clock = StepClock(torch.device("cpu"))
    clock.moments = [HostMoment(second) for second in (100.0, 101.0, 105.0, 107.0, 110.0)]
    assert clock.input_share() == pytest.approx(3 / 10)


def test_an_epoch_begins_anew():
    clock = StepClock(torch.device("cpu"))
    clock.start()
    clock.tick()
    clock.tick()
    assert 0.0 <= clock.input_share() <= 1.0
    clock.start()
    assert math.isnan(clock.input_share())
