"""Whole float32 inside `exact_float32`, and what was allowed before it after it."""

from __future__ import annotations

import pytest
import torch

from ser_lightning.precision import allow_tf32, exact_float32


def allowed() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.fixture(autouse=True)
def as_before():
    before = allowed()
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize("choice", [True, False])
def test_tf32_is_off_inside_and_as_chosen_outside(choice: bool):
    allow_tf32(allowed=choice)
    assert allowed() == (choice, choice)
    with exact_float32():
        assert allowed() == (False, False)
    assert allowed() == (choice, choice)


def test_an_error_inside_leaves_it_as_chosen():
    allow_tf32(allowed=True)
    with pytest.raises(ZeroDivisionError), exact_float32():
        1 / 0  # noqa: B018
    assert allowed() == (True, True)
