"""A clip's fingerprint: the same for every copy of a recording, another for another take of the same words.

Where a clip lies between its pauses changes the phase of its Fourier transform and not the magnitude: |X(f)| knows
no shift, no zeros before and after, no polarity, and the level only as a factor. Taken once every 5 Hz it is as fine
as speckle: its detail depends on when each sound came, to a millisecond, so two takes agree in it no more than two
noises do. The smooth part, which a voice and a sentence have in common, is divided out. The magnitude spectrum under
a shift is that of the Fourier-Mellin transform (Casasent & Psaltis, 1976); dividing by neighbouring bins, as Haitsma
& Kalker (2002) difference them, leaves what level, microphone and codec do not touch.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int16, Int64

SPACING_HZ = 5
FIRST_BIN = 20
NUM_BINS = 256
"""100 to 1375 Hz: speech is loudest there, and lossy codecs keep it."""
NUM_NEIGHBOURS = 5
"""Bins on each side that a bin is measured against: 25 Hz, far wider than the detail of a clip of some seconds."""
SHORTEST_SECONDS = 0.2
"""A sound shorter than one turn of `folded` has hardly any detail at 5 Hz, and gets no fingerprint."""


def fingerprints(
    samples: Int16[np.ndarray, " time"],
    offset: Int64[np.ndarray, " clip"],
    length: Int64[np.ndarray, " clip"],
    rate: int,
) -> Float32[np.ndarray, "clip feature"]:
    """A unit vector a clip, whose inner products say how alike two recordings are: copies 0.99, others about 0.

    Clip i is `samples[offset[i] : offset[i] + length[i]]`, at `rate` Hz; feature = 256. All zero where there is no
    sound of 0.2 s. Vectors of stores of different rates compare only where both rates divide by 5.

    >>> noise = np.random.default_rng(0).integers(-99, 99, 32000, dtype=np.int16)
    >>> both = np.concatenate([noise, np.zeros(500, np.int16), -3 * noise])
    >>> prints = fingerprints(both, np.array([0, 32000]), np.array([32000, 32500]), 16000)
    >>> round(float(prints[0] @ prints[1]), 4)
    1.0
    """
    folds = np.zeros((len(offset), round(rate / SPACING_HZ)), np.float32)
    for row, (start, num) in enumerate(zip(offset.tolist(), length.tolist(), strict=True)):
        clip = samples[start : start + num]
        if span(clip) >= SHORTEST_SECONDS * rate:
            folds[row] = folded(clip, folds.shape[1])
    bins = slice(FIRST_BIN - NUM_NEIGHBOURS, FIRST_BIN + NUM_BINS + NUM_NEIGHBOURS)
    spectra: Float32[np.ndarray, "clip bin"] = np.abs(np.fft.rfft(folds)[:, bins])
    return detail(spectra)


def span(clip: Int16[np.ndarray, " time"]) -> int:
    """Samples from the first that is not zero to the last.

    >>> span(np.array([0, 5, 0, 7, 0, 0], np.int16)), span(np.zeros(9, np.int16))
    (3, 0)
    """
    sounding = (clip != 0).tobytes()
    return sounding.rfind(1) + 1 - sounding.find(1) if 1 in sounding else 0


def folded(clip: Int16[np.ndarray, " time"], period: int) -> Float32[np.ndarray, " period"]:
    """The clip wound round a circle of `period` samples and added up.

    Its transform is the clip's own at the multiples of rate / period, as exp(-2 pi i k n / period) has that period
    in n: sum_n x[n] exp(...) = sum_m (sum_j x[m + j period]) exp(-2 pi i k m / period).

    >>> folded(np.array([1, 2, 3, 4, 5], np.int16), 3)
    array([5., 7., 3.], dtype=float32)
    """
    whole = len(clip) // period * period
    circle: Float32[np.ndarray, " period"] = clip[:whole].reshape(-1, period).sum(axis=0, dtype=np.float32)
    circle[: len(clip) - whole] += clip[whole:]
    return circle


def detail(spectra: Float32[np.ndarray, "clip bin"]) -> Float32[np.ndarray, "clip feature"]:
    """Magnitudes relative to the mean of their neighbourhood, as unit vectors; feature = bin - 2 NUM_NEIGHBOURS.

    The root keeps a few strong harmonics from outweighing all other bins.
    """
    width = 2 * NUM_NEIGHBOURS + 1
    sums = np.pad(spectra.cumsum(axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    near = (sums[:, width:] - sums[:, :-width]) / width
    middle = spectra[:, NUM_NEIGHBOURS:-NUM_NEIGHBOURS]
    roots = np.sqrt(np.divide(middle, near, out=np.zeros_like(near), where=near > 0))
    roots -= roots.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(roots, axis=1, keepdims=True)
    vectors = np.divide(roots, norms, out=np.zeros_like(roots), where=norms > 0)
    units: Float32[np.ndarray, "clip feature"] = vectors.astype(np.float32)
    return units
