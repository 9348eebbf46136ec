"""The clips that a report plays: chosen by their predictions, cut from the store, with the log-mel a model sees.

Where in the log-mel the evidence for the prediction lies comes from the very windows that the prediction was made of.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from jaxtyping import Float32, Int16

from ser_lightning.data.store import TAIL_SECONDS, Store
from ser_lightning.evaluation.examples import Example, choose_examples
from ser_lightning.frontend.frontend import Frontend, to_float
from ser_lightning.models.grad_cam import grad_cam
from ser_lightning.models.network import EmotionNetwork
from ser_lightning.recognition.windows import tiles


class Seen(NamedTuple):
    """The evidence in a clip's log-mel, from 0 to 1; None, and why, where there is none. How it was made."""

    evidence: Float32[np.ndarray, "mel frame"] | None
    reason: str
    note: str


def build_examples(
    predictions: pl.DataFrame,
    table: pl.DataFrame,
    store: Store,
    frontend: Frontend,
    network: EmotionNetwork,
    *,
    window: int | None = None,
) -> list[Example]:
    """A few right and wrong clips of `predictions` with their audio and log-mel; `table` says where each lies.

    `window` counts the samples of the windows that the predictions were made of; without it a clip is one window.
    """
    places = {clip: (first, length) for clip, first, length in table.select("clip", "offset", "length").iter_rows()}
    said = {row["clip"]: row for row in predictions.iter_rows(named=True)}
    labels = [name.removeprefix("p_") for name in predictions.columns if name.startswith("p_")]
    frontend, network = frontend.cpu(), network.cpu()
    examples = []
    for clip, kinds in choose_examples(predictions).items():
        wave = _heard(store, *places[clip])
        log_mel = log_mel_of(frontend, wave)
        label, guess = said[clip]["label"], said[clip]["prediction"]
        seen = seen_in(frontend, network, wave, labels.index(guess), log_mel.shape[1], window)
        example = Example(
            clip=clip,
            label=label,
            prediction=guess,
            probability=said[clip][f"p_{guess}"],
            wave=wave,
            sample_rate=store.rate,
            log_mel=log_mel,
            label_probability=said[clip][f"p_{label}"],
            kinds=kinds,
            evidence=seen.evidence,
            evidence_note=seen.note,
            no_evidence=seen.reason,
        )
        examples.append(example)
    return examples


def _heard(store: Store, first: int, length: int) -> Int16[np.ndarray, " time"]:
    return np.array(store.samples.read(first, min(length, TAIL_SECONDS * store.rate)))


def log_mel_of(frontend: Frontend, wave: Int16[np.ndarray, " time"]) -> Float32[np.ndarray, "mel frame"]:
    """The log-mel of a whole clip in decibels, on the device of the frontend."""
    padded = np.pad(wave, (0, max(0, frontend.mel.n_fft - len(wave))))  # a transform needs half its length
    there = torch.from_numpy(padded)[None].to(frontend.mel.spectrogram.window.device)
    log_mel: Float32[np.ndarray, "mel frame"] = frontend.decibels(to_float(there))[0].cpu().numpy()
    return log_mel


def seen_in(
    frontend: Frontend,
    network: EmotionNetwork,
    wave: Int16[np.ndarray, " time"],
    target: int,
    num_frames: int,
    window: int | None,
) -> Seen:
    """Grad-CAM of each window by itself, put together in time and scaled to the clip's maximum.

    `target` is the class that is asked for; frontend and network are on one device.
    """
    size = window or max(len(wave), frontend.mel.n_fft)
    device = frontend.mel.spectrogram.window.device
    windows, lengths = (torch.from_numpy(each).to(device) for each in tiles(wave, size))
    with torch.no_grad():
        log_mel = frontend.log_mel(to_float(windows), lengths)
        images = frontend.to_image(log_mel)
    maps, reason = grad_cam(network, images, torch.full((len(images),), target, device=device))
    if maps is None:
        return Seen(None, reason, "")
    fine = torch.nn.functional.interpolate(maps[:, None], log_mel.shape[1:], mode="bilinear", align_corners=False)
    joined = in_time(fine[:, 0].cpu().numpy(), num_frames, size=size, hop=frontend.hop_length)
    most = float(joined.max())
    if not most > 0:
        return Seen(None, "no part of it speaks for the prediction more than against it", "")
    return Seen(joined / most, "", _note(len(images), size / frontend.sample_rate))


def in_time(
    maps: Float32[np.ndarray, "window mel frame"], num_frames: int, *, size: int, hop: int
) -> Float32[np.ndarray, "mel clip_frame"]:
    """The maps of windows of `size` samples as one map of the clip: each frame from the window that holds its sample.

    >>> in_time(np.array([[[0.1, 0.2, 0.9]], [[0.3, 0.4, 0.9]]], dtype=np.float32), 5, size=4, hop=2).tolist()
    [[0.10000000149011612, 0.20000000298023224, 0.30000001192092896, 0.4000000059604645, 0.8999999761581421]]
    """
    sample = np.arange(num_frames) * hop
    number = np.minimum(sample // size, len(maps) - 1)
    frame = np.minimum(np.round((sample - number * size) / hop).astype(np.int64), maps.shape[2] - 1)
    return np.ascontiguousarray(maps[number, :, frame].T)


def _note(num_windows: int, seconds: float) -> str:
    if num_windows == 1:
        return "of the clip as one window"
    return f"of its {num_windows} windows of {seconds:.1f} s, each by itself, put together in time"
