"""The microphone as blocks of samples; the only place that knows PortAudio, by the optional package sounddevice."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ser_lightning.errors import UserError

BLOCK_SECONDS = 0.1
WAITING_SECONDS = 30.0
"""So much may wait to be heard; beyond that blocks are lost, and counted."""
Block = npt.NDArray[np.float32]


class Blocks:
    """Blocks [time channel] from the thread that records to the one that listens; `lost` counts those without room."""

    def __init__(self, most: int) -> None:
        self.waiting: queue.Queue[Block] = queue.Queue(most)
        self.lost = 0

    def put(self, block: Block, *, overflowed: bool) -> None:
        """A recorded block; never waits. `overflowed` says that samples before it were lost already."""
        self.lost += overflowed
        try:
            self.waiting.put_nowait(block.copy())  # PortAudio writes into the same memory again
        except queue.Full:
            self.lost += 1

    def __iter__(self) -> Iterator[Block]:
        """The blocks as they come, without end."""
        while True:
            yield self.waiting.get()


class Microphone:
    """What is recorded: blocks at `rate` in Hz, under the microphone's `name`."""

    def __init__(self, blocks: Blocks, *, rate: int, name: str) -> None:
        self.blocks, self.rate, self.name = blocks, rate, name


def load_sounddevice() -> Any:
    """The package; raises UserError where it or the system's library is missing."""
    try:
        import sounddevice
    except ImportError as error:
        raise UserError("a microphone needs the package sounddevice: pip install 'ser-lightning[listen]'") from error
    except OSError as error:
        raise UserError(
            "a microphone needs the library PortAudio, which sounddevice does not find; install it (Debian and Ubuntu: "
            "apt-get install libportaudio2), or give a file: source=FILE"
        ) from error
    return sounddevice


def microphone_lines() -> list[str]:
    """A line a microphone: its number, name, channels and rate. Raises UserError."""
    devices: list[dict[str, Any]] = list(load_sounddevice().query_devices())
    return [
        f"{number}: {device['name']} ({device['max_input_channels']} channels, {device['default_samplerate']:.0f} Hz)"
        for number, device in enumerate(devices)
        if device["max_input_channels"] > 0
    ]


@contextmanager
def recording(which: str | int | None) -> Iterator[Microphone]:
    """Record within the block, one channel, at the microphone's own rate; raises UserError where there is none."""
    sounddevice = load_sounddevice()
    blocks = Blocks(round(WAITING_SECONDS / BLOCK_SECONDS))

    def heard(data: Block, _frames: int, _time: object, status: Any) -> None:
        blocks.put(data, overflowed=bool(status.input_overflow))

    try:
        about = sounddevice.query_devices(which, "input")
        rate = round(about["default_samplerate"])
        stream = sounddevice.InputStream(
            device=which, channels=1, samplerate=rate, blocksize=round(BLOCK_SECONDS * rate), callback=heard
        )
    except (ValueError, sounddevice.PortAudioError) as error:
        there = "; ".join(microphone_lines()) or "none"
        raise UserError(f"no microphone to record from ({error}); there are: {there}. Or give source=FILE") from error
    with stream:
        yield Microphone(blocks, rate=rate, name=str(about["name"]))
