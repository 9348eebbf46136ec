"""Speech emotion recognition with PyTorch Lightning, timm backbones and honest numbers.

Importing the package imports nothing heavy: `--help` and `--cfg job` answer before torch is needed.
"""

__version__ = "0.1.0"
