"""The augmentations of a run, in order: those of the waveform, then those of the log-mel."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from ser_lightning.counted import Key


class Augment(nn.Module):
    """Named augmentations by stage; a name set to null is switched off."""

    def __init__(
        self,
        *,
        wave: Mapping[str, nn.Module | None] | None = None,
        spectrum: Mapping[str, nn.Module | None] | None = None,
    ) -> None:
        super().__init__()
        self.wave_stage = _switched_on(wave)
        self.spectrum_stage = _switched_on(spectrum)

    def wave(self, wave: Float[Tensor, "batch time"], key: Key) -> Float[Tensor, "batch time"]:
        """Augment waveforms in [-1, 1)."""
        for augmentation in self.wave_stage:
            wave = augmentation(wave, key)
        return wave

    def spectrum(self, log_mel: Float[Tensor, "batch mel frame"], key: Key) -> Float[Tensor, "batch mel frame"]:
        """Augment normalised log-mels."""
        for augmentation in self.spectrum_stage:
            log_mel = augmentation(log_mel, key)
        return log_mel


def _switched_on(stage: Mapping[str, nn.Module | None] | None) -> nn.ModuleList:
    return nn.ModuleList(module for module in (stage or {}).values() if module is not None)
