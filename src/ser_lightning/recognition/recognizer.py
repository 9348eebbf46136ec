"""The model of a run, ready for use: `Recognizer.load("outputs/demo/latest")("clip.wav").label`.

A recording goes the way that the clips of its training went: the same function decodes, downmixes, resamples and rounds
it, the same frontend and network see its windows in float32, and the mean of these is calibrated as there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int16, Int64

from ser_lightning.data.audio import RATES, BadAudioError, Clip, as_clip, hear
from ser_lightning.errors import UserError
from ser_lightning.evaluation.calibration import calibrated
from ser_lightning.recognition.answer import Answer, Window, most_probable, named
from ser_lightning.recognition.arrays import as_samples
from ser_lightning.recognition.device import DeviceName, choose_device
from ser_lightning.recognition.input_checks import input_warnings, levels_of
from ser_lightning.recognition.smoothing import Smoothing
from ser_lightning.recognition.stream import Stream
from ser_lightning.recognition.windows import of_clip, tiles, window_probabilities
from ser_lightning.run_names import STACK_FILE

if TYPE_CHECKING:
    from ser_lightning.recognition.checkpoint import Trained

Audio = str | os.PathLike[str] | npt.NDArray[Any]
"""A file, or samples [time] or [time channel]: floats within -1 and 1, or integers of 16 or 32 bits, or uint8."""


class Recognizer:
    """Answers which emotion is heard in a recording; see `load`.

    `batch_size` windows go through the network at a time. Under `threshold`, between 0 and 1, the answer is "unsure".
    """

    def __init__(self, trained: Trained, *, threshold: float | None = None, batch_size: int = 16) -> None:
        if threshold is not None and not 0 <= threshold <= 1:
            raise UserError(f"threshold={threshold} must be a probability, from 0 to 1, or None")
        self.trained = trained
        self.threshold = threshold
        self.batch_size = batch_size

    @classmethod
    def load(
        cls,
        run_dir: str | os.PathLike[str],
        *,
        device: DeviceName = "auto",
        threshold: float | None = None,
        batch_size: int = 16,
    ) -> Recognizer:
        """The best checkpoint of a run's directory, on the GPU where there is one.

        Nothing that the directory's files name is imported or executed. Raises UserError (a ValueError) where there is
        no model, or where it is damaged or was made by something else.
        """
        from ser_lightning.recognition.checkpoint import load_trained  # timm, which by itself imports wandb

        folder = Path(run_dir).expanduser()
        if (folder / STACK_FILE).exists():
            raise UserError(
                f"{folder} is a stack of several models, which has no timeline; name one of its members, or score it "
                "by python -m ser_lightning.evaluate"
            )
        trained = load_trained(folder)
        chosen = choose_device(device)
        trained.network.to(chosen)
        trained.frontend.to(chosen)
        return cls(trained, threshold=threshold, batch_size=batch_size)

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions, in the order of the probabilities."""
        return self.trained.labels

    @property
    def rate(self) -> int:
        """The rate in Hz at which the model hears; a recording of any other is resampled."""
        return self.trained.sample_rate

    @property
    def window(self) -> int:
        """The samples of a window at the model's rate."""
        return round(self.trained.window_seconds * self.trained.sample_rate)

    @overload
    def __call__(self, audio: Audio, *, rate: int | None = None) -> Answer: ...
    @overload
    def __call__(self, audio: list[Audio] | tuple[Audio, ...], *, rate: int | None = None) -> list[Answer]: ...
    def __call__(
        self, audio: Audio | list[Audio] | tuple[Audio, ...], *, rate: int | None = None
    ) -> Answer | list[Answer]:
        """The answer for a file or an array, or one for each of a list of them; `rate` in Hz is that of arrays.

        Raises BadAudioError (a ValueError) where one cannot be heard: missing, damaged, no samples, not finite.
        """
        if isinstance(audio, list | tuple):
            return [self.answer(self.heard(one, rate=rate)) for one in audio]
        return self.answer(self.heard(audio, rate=rate))

    def heard(self, audio: Audio, *, rate: int | None = None) -> Clip:
        """A file or an array as the model hears it; raises BadAudioError."""
        try:
            if isinstance(audio, str | os.PathLike):
                return hear(Path(audio).expanduser(), self.rate)
            return as_clip(as_samples(np.asarray(audio)), check_rate(rate), self.rate)
        except BadAudioError as error:
            raise BadAudioError(f"{audio if isinstance(audio, str | os.PathLike) else 'the array'} {error}") from error

    def answer(self, clip: Clip) -> Answer:
        """The answer for a clip at the model's rate."""
        windows, length = tiles(clip.samples, self.window)
        p = self.predict(windows, length)
        probabilities = named(self.labels, of_clip(p, length, self.trained.temperature))
        return Answer(
            most_probable(probabilities, self.threshold),
            probabilities,
            self.windows_of(p, clip, self.window),
            len(clip.samples) / self.rate,
            input_warnings(levels_of(clip.samples), self.rate, clip.file_rate),
        )

    def stream(self, rate: int, *, hop_seconds: float | None = None, smooth_seconds: float = 0.0) -> Stream:
        """A stream of samples at `rate` in Hz: `feed` it chunks, `finish` it, and ask its `answer` at any time.

        Windows begin every `hop_seconds`, by default one after the other, and are smoothed by an exponential mean over
        `smooth_seconds`. Raises UserError.
        """
        return Stream(
            self.predict,
            labels=self.labels,
            source_rate=check_rate(rate),
            rate=self.rate,
            window=self.window,
            hop=self.hop(hop_seconds),
            smooth_seconds=smooth_seconds,
            temperature=self.trained.temperature,
            threshold=self.threshold,
        )

    def timeline(
        self, clip: Clip, *, hop_seconds: float | None = None, smooth_seconds: float = 0.0
    ) -> tuple[Window, ...]:
        """What a stream of the same clip would tell."""
        hop = self.hop(hop_seconds)
        smoothing = Smoothing(hop_seconds=hop / self.rate, smooth_seconds=smooth_seconds)
        return self.windows_of(self.predict(*tiles(clip.samples, self.window, hop)), clip, hop, smoothing)

    def predict(
        self, windows: Int16[np.ndarray, "window time"], length: Int64[np.ndarray, " window"]
    ) -> Float[np.ndarray, "window class"]:
        """The probabilities of windows at the model's rate before the temperature; `length` counts real samples."""
        return window_probabilities(self.trained, windows, length, batch_size=self.batch_size)

    def hop(self, seconds: float | None) -> int:
        """Samples from one window to the next; raises UserError where windows would leave gaps."""
        hop = self.window if seconds is None else round(seconds * self.rate)
        if not 1 <= hop <= self.window:
            raise UserError(
                f"hop_seconds={seconds} must be more than 0 and at most a window, {self.window / self.rate:g} s"
            )
        return hop

    def windows_of(
        self, p: Float[np.ndarray, "window class"], clip: Clip, hop: int, smoothing: Smoothing | None = None
    ) -> tuple[Window, ...]:
        """The probabilities of windows `hop` samples apart with their times, calibrated, then smoothed."""
        ends = [min(first * hop + self.window, len(clip.samples)) / self.rate for first in range(len(p))]
        rows = calibrated(p, self.trained.temperature)
        rows = rows if smoothing is None else smoothing(rows)
        return tuple(
            Window(number * hop / self.rate, end, named(self.labels, row))
            for number, (end, row) in enumerate(zip(ends, rows, strict=True))
        )


def check_rate(rate: int | None) -> int:
    """The rate of an array in Hz; raises UserError where it is missing or none."""
    if rate is None:
        raise UserError("samples alone do not say how fast they are: give their rate in Hz, such as rate=16000")
    if not RATES[0] <= rate <= RATES[1]:
        raise UserError(f"rate={rate} must be in Hz, from {RATES[0]:,} to {RATES[1]:,}")
    return rate
