"""What lies where in a run's directory, for all who look for it."""

from __future__ import annotations

from pathlib import Path

CHECKPOINT = Path("checkpoints") / "best.ckpt"
"""The model of a single run."""
STACK_FILE = "stack.json"
"""What a stack is made of."""
