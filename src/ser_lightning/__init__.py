"""Speech emotion recognition with PyTorch Lightning, timm backbones and honest numbers.

Importing the package imports nothing heavy: `--help` and `--cfg job` answer before torch is needed, which `Recognizer`
brings when it is first asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ser_lightning.recognition.recognizer import Recognizer

__all__ = ["Recognizer", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "Recognizer":
        from ser_lightning.recognition.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
