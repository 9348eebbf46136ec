"""Clips that are one recording though their samples differ: in level, padding, polarity, sample rate or by a codec.

Fingerprints name candidates (data/candidates.py); for these alone the waveforms are correlated, and what correlates
is the same recording: nobody repeats a sentence so that its waveform does. Sounds that resemble themselves a little
later (tones, hum) or that are over at once (clicks) correlate with any of their kind, and are never claimed. A clip
that is a part of a longer one is not found. Work is almost linear in the number of clips.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
from jaxtyping import Complex64, Float32, Int16, Int64, Shaped

from ser_lightning.data.audio import FULL_SCALE, resample
from ser_lightning.data.candidates import candidates
from ser_lightning.data.fingerprint import SHORTEST_SECONDS, span

CORRELATED = 0.9
"""Least correlation of one recording: copies give 0.99, other takes of a sentence 0.65 at most."""
LATER_SECONDS = 0.05
REPEATED = 0.7
"""A sound that correlates more than this with itself over 50 ms later tells nothing: speech gives 0.05 to 0.55."""
LASTING_SECONDS = 0.06
"""Nor does one whose energy is spread over less than this, as of a few clicks: a spoken word's over 0.09 s or more."""
LOW_HZ, HIGH_HZ = 100.0, 1400.0
"""The band that is correlated: speech is loudest there, lossy codecs keep it, mains hum is mostly below."""
NARROW_RATE = 4000
"""Hz, at which waveforms are correlated."""
FRAME = 40
"""Samples at that rate: 10 ms."""
SCHEMA = pl.Schema({"a": pl.Int64, "b": pl.Int64, "correlation": pl.Float64})

Samples = Int16[np.ndarray, " time"]
Read = Callable[[int, int], Samples]
"""The samples of a clip by its offset and length, as `ser_lightning.data.samples.Samples.read`."""


def recording_pairs(
    read: Read, index: pl.DataFrame, prints: Float32[np.ndarray, "clip feature"], rate: int, *, workers: int = 1
) -> pl.DataFrame:
    """Pairs of rows of a store's index that are one recording, though their `hash` differs: a < b, correlation.

    Of clips with the same hash only the first is in it. Clips with the same `sound` are paired with the first of
    them, at correlation 1, whether or not they are `near_identical`.
    """
    heard = index.with_row_index("row").filter(pl.col("error") == "").unique("hash", keep="first", maintain_order=True)
    row, offset, length = (heard[name].to_numpy().astype(np.int64) for name in ("row", "offset", "length"))
    found = near_identical(read, offset, length, prints[row], rate, workers=workers)
    found = found.with_columns(a=row[found["a"].to_numpy()], b=row[found["b"].to_numpy()])
    again = heard.select("offset", "length", b="row", a=pl.col("row").first().over("sound")).filter(
        pl.col("a") < pl.col("b")
    )
    telling = [is_distinctive(read(start, num), rate) for start, num, *_ in again.iter_rows()]
    exact = again.filter(pl.Series(telling, dtype=pl.Boolean)).select("a", "b", correlation=1.0).cast(SCHEMA)
    return pl.concat([exact, found.join(exact, on=["a", "b"], how="anti")]).sort("a", "b")


def near_identical(
    read: Read,
    offset: Int64[np.ndarray, " clip"],
    length: Int64[np.ndarray, " clip"],
    prints: Float32[np.ndarray, "clip feature"],
    rate: int,
    *,
    workers: int = 1,
) -> pl.DataFrame:
    """Pairs of clips that are one recording: a < b (their numbers) and their correlation, 0.9 to 1.

    Clip i is `read(offset[i], length[i])` at `rate` Hz, and `prints` are the clips' `fingerprints`.
    A clip is tried with the 16 `candidates` most alike after it: each of many copies is paired with some of the others.
    """

    def clip(number: int) -> Samples:
        return read(int(offset[number]), int(length[number]))

    pairs = candidates(prints)
    clips = np.unique(pairs)
    with ThreadPoolExecutor(workers) as pool:
        telling = clips[np.fromiter(pool.map(lambda number: is_distinctive(clip(number), rate), clips), bool)]
        pairs = pairs[np.isin(pairs, telling).all(axis=1)]
        values = list(pool.map(lambda pair: correlation(clip(pair[0]), clip(pair[1]), rate), pairs))
    table = pl.DataFrame({"a": pairs[:, 0], "b": pairs[:, 1], "correlation": values}, schema=SCHEMA)
    return table.filter(pl.col("correlation") >= CORRELATED)


def correlation(one: Samples, other: Samples, rate: int) -> float:
    """Magnitude of the normalised cross-correlation from 100 to 1400 Hz, at the best of all shifts: 0 to 1.

    max |sum_n x[n] y[n + shift]| / sqrt(sum x^2 sum y^2), x and y the derivatives of the clips in this band;
    0 where a clip has no sound of 0.2 s.

    >>> noise = np.random.default_rng(0).integers(-99, 99, (2, 8000), dtype=np.int16)
    >>> later = np.concatenate([np.zeros(1234, np.int16), noise[0]])
    >>> round(correlation(noise[0], -7 * later, 16000), 2), correlation(*noise, 16000) < 0.2
    (1.0, True)
    """
    if min(span(one), span(other)) < SHORTEST_SECONDS * rate:
        return 0.0
    x, y = narrowed(one, rate), narrowed(other, rate)
    num = fast_length(len(x) + len(y))
    x_bins, y_bins = band(x, num), band(y, num)
    norm = np.sqrt(power(x_bins).sum() * power(y_bins).sum())
    shifted = np.abs(wave(x_bins.conj() * y_bins, 2 * num))
    return min(1.0, peak(shifted) / float(norm)) if norm > 0 else 0.0


def is_distinctive(clip: Samples, rate: int) -> bool:
    """Whether a clip can be told from others of its kind: a sound of 0.2 s that does not repeat and is no click.

    It must correlate with itself less than 0.7 at any shift over 50 ms, and its energy e (in frames of 10 ms) must be
    spread over 60 ms: 10 ms (sum e)^2 / sum e^2, the participation ratio.
    """
    if span(clip) < SHORTEST_SECONDS * rate:
        return False
    low = narrowed(clip, rate)
    num = fast_length(2 * len(low))
    bins = band(low, num)
    energies = power(bins)
    shifted = np.abs(wave(energies, num))[round(LATER_SECONDS * NARROW_RATE) : num // 2]
    frames = np.square(wave(bins, num)[: num // FRAME * FRAME]).reshape(-1, FRAME).sum(axis=1)
    lasting = frames.sum() ** 2 >= LASTING_SECONDS * NARROW_RATE / FRAME * np.square(frames).sum()
    return bool(lasting and 0 < shifted.max() < REPEATED * energies.sum())


def bare(clip: Samples) -> Samples:
    """The clip without the zeros around it, divided by its samples' greatest common divisor.

    Equal for two clips that are one another times a factor, as dividing by the peak is, yet in whole numbers; and
    for most the clip itself, and this very array.

    >>> bare(np.array([0, 4, -6, 0], np.int16)), bare(np.array([14, -21], np.int16))
    (array([ 2, -3], dtype=int16), array([ 2, -3], dtype=int16))
    """
    num = span(clip)
    first = int((clip != 0).argmax()) if num else 0
    sounding = clip[first : first + num]
    divisor = int(np.gcd.reduce(sounding[:64].astype(np.int32)))
    divisor = divisor if divisor == 1 else int(np.gcd.reduce(sounding.astype(np.int32)))
    if divisor > 1:
        whole: Samples = (sounding // divisor).astype(np.int16)
        return whole
    return sounding if len(sounding) < len(clip) else clip


def narrowed(clip: Samples, rate: int) -> Float32[np.ndarray, " time"]:
    """The clip at 4 kHz, full scale 1."""
    scaled: Float32[np.ndarray, " time"] = clip.astype(np.float32) / np.float32(FULL_SCALE)
    return resample(scaled, rate, NARROW_RATE)


def band(low: Float32[np.ndarray, " time"], num: int) -> Complex64[np.ndarray, " bin"]:
    """The transform of `num` samples times frequency, and zero below 100 and above 1400 Hz; bin = 1 + num // 2.

    Times frequency, as the spectrum of speech falls by 6 dB an octave: else the voice's pitch were all that counts.
    """
    frequency = np.fft.rfftfreq(num).astype(np.float32)
    frequency[(frequency < LOW_HZ / NARROW_RATE) | (frequency > HIGH_HZ / NARROW_RATE)] = 0.0
    bins: Complex64[np.ndarray, " bin"] = np.fft.rfft(low, num) * frequency
    return bins


def power(bins: Complex64[np.ndarray, " bin"]) -> Float32[np.ndarray, " bin"]:
    """Squared magnitude."""
    squares: Float32[np.ndarray, " bin"] = bins.real**2 + bins.imag**2
    return squares


def wave(bins: Shaped[np.ndarray, " bin"], num: int) -> Float32[np.ndarray, " time"]:
    """sum_k Re(bins[k] exp(2 pi i k n / num)) for the n from 0 to num - 1: at shift 0 the sum of a power spectrum."""
    signal: Float32[np.ndarray, " time"] = np.fft.irfft(bins, num) * np.float32(num / 2)
    return signal


def peak(curve: Float32[np.ndarray, " time"]) -> float:
    """The maximum between the points of a periodic curve: the vertex of a parabola through the highest three.

    >>> peak(np.array([0.0, 3.0, 5.0, 5.0, 3.0]))
    5.25
    """
    top = int(curve.argmax())
    before, at, after = (float(curve[(top + step) % len(curve)]) for step in (-1, 0, 1))
    bend = 2 * at - before - after
    return at + (after - before) ** 2 / (8 * bend) if bend > 0 else at


def fast_length(num: int) -> int:
    """The least 2^i or 3 * 2^i that is not below `num`: lengths whose transform is fast.

    >>> [fast_length(num) for num in (1, 5, 7, 12, 13)]
    [1, 6, 8, 12, 16]
    """
    whole = 1 << (num - 1).bit_length() if num > 0 else 1
    return whole * 3 // 4 if whole >= 4 and whole * 3 // 4 >= num else whole
