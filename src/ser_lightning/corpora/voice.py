"""A voice from numpy alone: the source-filter model of speech, as pure functions.

Fant (1960): speech = source * vocal tract. The source is noise, or a train of glottal pulses whose spectrum falls
by some dB per octave; the vocal tract is a cascade of formant resonators (Klatt, 1980); a fricative is noise
through one resonator of its own. Control curves have one value a frame of `HOP` samples; audio is sampled at
`SAMPLE_RATE`. Random draws (jitter, shimmer, noise) come from the generator that is passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

SAMPLE_RATE = 16_000
HOP = 80  # samples between control frames: 5 ms
N_FFT = 640  # a frame of 2 * HOP, and room for 30 ms of a resonator's ringing
SILENT_DB = -80.0
TILT_KNEE_HZ = 250.0
BANDWIDTHS_HZ = np.array([70.0, 90.0, 130.0, 200.0, 280.0])
FRICATION_BANDWIDTH_HZ = np.array([1500.0])
SINC_TAPS = np.arange(-16, 17)


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A stretch of sound with one articulation. Levels in dB, frequencies in Hz, `seconds` at rate 1."""

    seconds: float
    voiced_db: float = SILENT_DB
    aspiration_db: float = SILENT_DB
    frication_db: float = SILENT_DB
    frication_hz: float = 4000.0
    formants_hz: tuple[float, float, float] = (500.0, 1500.0, 2500.0)


@dataclass(frozen=True)
class Syllable:
    """A consonant and a vowel, such as "m" and "a"."""

    consonant: str
    vowel: str
    stressed: bool


PAUSE = Phone(seconds=0.12)
VOWELS = {  # men's means of Peterson & Barney (1952)
    "a": Phone(seconds=0.12, voiced_db=0, aspiration_db=-34, formants_hz=(730, 1090, 2440)),
    "e": Phone(seconds=0.11, voiced_db=0, aspiration_db=-34, formants_hz=(530, 1840, 2480)),
    "i": Phone(seconds=0.10, voiced_db=0, aspiration_db=-34, formants_hz=(270, 2290, 3010)),
    "o": Phone(seconds=0.12, voiced_db=0, aspiration_db=-34, formants_hz=(570, 840, 2410)),
    "u": Phone(seconds=0.11, voiced_db=0, aspiration_db=-34, formants_hz=(300, 870, 2240)),
}
CONSONANTS = {
    "m": (Phone(seconds=0.06, voiced_db=-10, formants_hz=(250, 1100, 2200)),),
    "n": (Phone(seconds=0.06, voiced_db=-10, formants_hz=(250, 1500, 2400)),),
    "l": (Phone(seconds=0.05, voiced_db=-6, formants_hz=(360, 1100, 2600)),),
    "s": (Phone(seconds=0.09, frication_db=-22, frication_hz=6000),),
    "f": (Phone(seconds=0.08, frication_db=-30, frication_hz=6800),),
    "h": (Phone(seconds=0.06, aspiration_db=-16),),
    "t": (Phone(seconds=0.05), Phone(seconds=0.020, frication_db=-16, frication_hz=4500)),
    "k": (Phone(seconds=0.05), Phone(seconds=0.025, frication_db=-16, frication_hz=2000)),
    "p": (Phone(seconds=0.05), Phone(seconds=0.015, frication_db=-20, frication_hz=900)),
}


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Control curves of one clip: levels in dB of unit power, frequencies in Hz."""

    f0_hz: Float[np.ndarray, " frame"]
    voiced_db: Float[np.ndarray, " frame"]
    aspiration_db: Float[np.ndarray, " frame"]
    frication_db: Float[np.ndarray, " frame"]
    frication_hz: Float[np.ndarray, " frame"]
    formants_hz: Float[np.ndarray, "frame formant"]


def pronounce(sentence: Sequence[Syllable], *, swell_db: float, breath_db: float) -> list[Phone]:
    """The phones of a sentence between two pauses.

    Stress lengthens a vowel by 0.3 and lifts it by 2 dB; the level changes by `swell_db` from the first vowel to
    the last; `breath_db` is added to the breath of vowels.
    """
    phones = [PAUSE]
    for syllable, place in zip(sentence, places(sentence), strict=True):
        vowel = VOWELS[syllable.vowel]
        level_db = swell_db * place + 2.0 * syllable.stressed
        phones += CONSONANTS[syllable.consonant]
        phones.append(
            replace(
                vowel,
                seconds=vowel.seconds * (1.3 if syllable.stressed else 1.0),
                voiced_db=level_db,
                aspiration_db=vowel.aspiration_db + level_db + breath_db,
            )
        )
    return [*phones, PAUSE]


def places(sentence: Sequence[Syllable]) -> Float[np.ndarray, " syllable"]:
    """Where each syllable stands, from -0.5 for the first to 0.5 for the last."""
    return np.linspace(-0.5, 0.5, len(sentence))


def articulate(
    phones: Sequence[Phone], *, f0_hz: Float[np.ndarray, " frame"], rate: float, tract_scale: float
) -> Tracks:
    """Phones one after the other, `rate` times as fast, formants times `tract_scale`, joined by 30 ms glides.

    frame = sum of `frames_of(phone, rate)`. A shorter vocal tract has a larger `tract_scale`.
    """
    lengths = [frames_of(phone, rate) for phone in phones]

    def curve(values: Sequence[float]) -> Float[np.ndarray, " frame"]:
        return smooth(np.repeat(np.asarray(values), lengths), width=7)

    lower = [curve([tract_scale * phone.formants_hz[index] for phone in phones]) for index in range(3)]
    upper = [np.full(sum(lengths), tract_scale * hertz) for hertz in (3500.0, 4500.0)]
    return Tracks(
        f0_hz=f0_hz,
        voiced_db=curve([phone.voiced_db for phone in phones]),
        aspiration_db=curve([phone.aspiration_db for phone in phones]),
        frication_db=curve([phone.frication_db for phone in phones]),
        frication_hz=curve([phone.frication_hz for phone in phones]),
        formants_hz=np.stack([*lower, *upper], axis=1),
    )


def frames_of(phone: Phone, rate: float) -> int:
    """How many control frames a phone lasts: at least one.

    >>> frames_of(Phone(seconds=0.1), rate=1.0), frames_of(Phone(seconds=0.1), rate=2.0)
    (20, 10)
    """
    return max(1, round(phone.seconds / rate * SAMPLE_RATE / HOP))


def smooth(curve: Float[np.ndarray, " frame"], *, width: int) -> Float[np.ndarray, " frame"]:
    """Running mean under a Hann window of odd `width` frames; the ends are held."""
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(curve, width // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")


def speak(
    tracks: Tracks,
    *,
    tilt_db: float,
    jitter: float,
    shimmer_db: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, " time"]:
    """The sound of `tracks`: time = HOP * frame, of no particular level.

    `tilt_db` is the fall of the voiced spectrum in dB per octave; see `glottal_pulses` for the other two.
    """
    pulses = glottal_pulses(tracks.f0_hz, jitter=jitter, shimmer_db=shimmer_db, rng=rng)
    noise = rng.standard_normal((2, pulses.size))
    voiced = equalise(pulses, tilt_gain_db(pulses.size, tilt_db)) * gain(tracks.voiced_db)
    mouth = voiced + noise[0] * gain(tracks.aspiration_db)
    friction = noise[1] * gain(tracks.frication_db)
    teeth = resonators(tracks.frication_hz[:, None], FRICATION_BANDWIDTH_HZ)
    spoken = filter_frames(mouth, resonators(tracks.formants_hz, BANDWIDTHS_HZ))
    spoken += filter_frames(friction, teeth / np.abs(teeth).max(axis=1, keepdims=True))
    return spoken


def glottal_pulses(
    f0_hz: Float[np.ndarray, " frame"], *, jitter: float, shimmer_db: float, rng: np.random.Generator
) -> Float[np.ndarray, " time"]:
    """A train of band-limited pulses of unit power, time = HOP * frame.

    Pulse k falls where the phase, the integral of F0, reaches k. `jitter` is the standard deviation of a
    period relative to its mean, `shimmer_db` that of a pulse's level in dB.
    """
    num_samples = HOP * f0_hz.size
    f0 = upsample(f0_hz)
    phase = np.cumsum(f0) / SAMPLE_RATE
    cycles = np.arange(1.0, np.floor(phase[-1]))
    # A period is the difference of two pulse times, hence the root of two.
    moved = cycles + rng.standard_normal(cycles.size) * jitter / np.sqrt(2.0)
    levels_db = rng.standard_normal(cycles.size) * shimmer_db
    times = np.interp(moved, phase, np.arange(num_samples))
    # One pulse of height a in each period of T samples has power a^2 / T.
    heights = 10.0 ** (levels_db / 20.0) * np.sqrt(SAMPLE_RATE / np.interp(moved, phase, f0))
    return place_pulses(times, heights, num_samples)


def place_pulses(
    times: Float[np.ndarray, " pulse"], heights: Float[np.ndarray, " pulse"], num_samples: int
) -> Float[np.ndarray, " time"]:
    """Pulses at fractional sample times, each a sinc under a Hann window; what falls outside is cut off.

    >>> place_pulses(np.array([3.0]), np.array([2.0]), num_samples=5).round(6).tolist()[2:]
    [0.0, 2.0, 0.0]
    """
    margin = SINC_TAPS.size
    nearest = np.round(times).astype(np.int64)
    offsets = SINC_TAPS - (times - nearest)[:, None]
    kernels = np.sinc(offsets) * np.cos(np.pi * offsets / margin) ** 2
    train = np.zeros(num_samples + 2 * margin)
    np.add.at(train, nearest[:, None] + SINC_TAPS + margin, heights[:, None] * kernels)
    return train[margin : margin + num_samples]


def tilt_gain_db(num_samples: int, tilt_db: float) -> Float[np.ndarray, " bin"]:
    """A fall of `tilt_db` per octave above `TILT_KNEE_HZ`, for `equalise`."""
    octaves = np.log2(np.maximum(frequencies(num_samples) / TILT_KNEE_HZ, 1.0))
    gain_db: Float[np.ndarray, " bin"] = -tilt_db * octaves
    return gain_db


def equalise(wave: Float[np.ndarray, " time"], gain_db: Float[np.ndarray, " bin"]) -> Float[np.ndarray, " time"]:
    """`wave` with the level of each of its bins moved by `gain_db`; bin = 1 + time // 2."""
    return np.fft.irfft(np.fft.rfft(wave) * 10.0 ** (gain_db / 20.0), n=wave.size)


def frequencies(num_samples: int) -> Float[np.ndarray, " bin"]:
    """The frequency of each bin of a signal's spectrum, in Hz; bin = 1 + time // 2."""
    return np.fft.rfftfreq(num_samples, 1.0 / SAMPLE_RATE)


def resonators(
    centres_hz: Float[np.ndarray, "frame formant"], bandwidths_hz: Float[np.ndarray, " formant"]
) -> Complex[np.ndarray, "frame bin"]:
    """Response of a cascade of two-pole resonators, each of gain 1 at 0 Hz (Klatt, 1980, eq. 1-2).

    y[n] = a x[n] + b y[n-1] + c y[n-2], c = -exp(-2 pi B T), b = 2 exp(-pi B T) cos(2 pi F T), a = 1 - b - c.
    """
    period = 1.0 / SAMPLE_RATE
    c = -np.exp(-2.0 * np.pi * bandwidths_hz * period)
    b = 2.0 * np.exp(-np.pi * bandwidths_hz * period) * np.cos(2.0 * np.pi * centres_hz * period)
    delay = np.exp(-2j * np.pi * frequencies(N_FFT) * period)
    poles = np.ones((centres_hz.shape[0], delay.size), dtype=np.complex128)
    for index in range(centres_hz.shape[1]):
        poles *= 1.0 - b[:, index, None] * delay - c[index] * delay**2
    response: Complex[np.ndarray, "frame bin"] = np.prod(1.0 - b - c, axis=1)[:, None] / poles
    return response


def filter_frames(
    wave: Float[np.ndarray, " time"], response: Complex[np.ndarray, "frame bin"]
) -> Float[np.ndarray, " time"]:
    """A filter that changes from frame to frame, by overlap-add; time = HOP * frame.

    Hann windows of 2 * HOP that start every HOP samples sum to one, so a constant response filters exactly.
    """
    blocks = np.pad(wave, (HOP, 0)).reshape(-1, HOP)
    window = 0.5 - 0.5 * np.cos(np.pi * np.arange(2 * HOP) / HOP)
    frames = np.concatenate([blocks[:-1], blocks[1:]], axis=1) * window
    rings = np.fft.irfft(np.fft.rfft(frames, n=N_FFT) * response, n=N_FFT).reshape(len(frames), -1, HOP)
    summed = np.zeros((len(frames) + rings.shape[1] - 1, HOP))
    for delay in range(rings.shape[1]):
        summed[delay : delay + len(frames)] += rings[:, delay]
    return summed[1 : 1 + len(frames)].reshape(-1)


def gain(level_db: Float[np.ndarray, " frame"]) -> Float[np.ndarray, " time"]:
    """Levels once a frame as factors once a sample."""
    factors: Float[np.ndarray, " time"] = 10.0 ** (upsample(level_db) / 20.0)
    return factors


def upsample(curve: Float[np.ndarray, " frame"]) -> Float[np.ndarray, " time"]:
    """A control curve once a sample, straight between frames; time = HOP * frame."""
    frames = np.arange(HOP * curve.size) / HOP
    samples: Float[np.ndarray, " time"] = np.interp(frames, np.arange(curve.size), curve)
    return samples
