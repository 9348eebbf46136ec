"""What counts as running out of memory, and what does not."""

import pytest
import torch

from ser_lightning.errors import RunFailedError
from ser_lightning.memory import told_if_out_of_memory


def test_each_way_of_running_out_is_the_advice():
    for ask in (
        lambda: torch.empty(2**60, dtype=torch.uint8),
        lambda: bytearray(2**60),
        lambda: [0] * 2**60,
    ):
        with pytest.raises(RunFailedError, match=r"^give less$"), told_if_out_of_memory("give less"):
            ask()


def test_another_error_passes():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), told_if_out_of_memory("give less"):
        torch.ones(2, 3) @ torch.ones(2, 3)
