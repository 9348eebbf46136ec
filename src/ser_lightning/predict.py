"""`python -m ser_lightning.predict`: ask a trained model which emotion it hears in files or on standard input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ser_lightning.cli import run_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def predict(config: DictConfig) -> None:
    """Predict as configured."""
    from ser_lightning.config import plain
    from ser_lightning.predicting import predict_inputs

    predict_inputs(plain(config))


if __name__ == "__main__":
    run_command(predict, "predict")
