"""A made-up corpus of acted emotion, so that the whole pipeline runs where no corpus may be copied.

Seven emotions are told by prosody and voice quality, in the directions that the literature reports for F0 level,
range and contour, rate, intensity, spectral tilt, breath, jitter and tremor (Scherer, 1986, 2003; Murray & Arnott,
1993; Banse & Scherer, 1996; Burkhardt & Sendlmeier, 2000; Cowie et al., 2001; Juslin & Laukka, 2003). Speakers,
microphones and rooms differ in the same measures by as much: the mean spectrum of a clip tells who spoke rather than
how, and movements in time are left to learn. It is a test signal, and no evidence about people.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
from annotated_types import Ge
from filelock import FileLock
from jaxtyping import Float
from rich.progress import track

from ser_lightning.corpora import voice
from ser_lightning.corpora.base import Origin, Scan, Utterance
from ser_lightning.corpora.columns import columns
from ser_lightning.errors import UserError
from ser_lightning.terminal import err

FORMAT = 1  # raise it whenever the same parameters would give other samples
MANIFEST = "synthetic.json"
LEVEL_DB = -30.0  # of a neutral clip, in dB of full scale
TREMOR_HZ = 6.5
ORIGIN = Origin(
    corpus="synthetic",
    title="A made-up corpus: a test signal, and no evidence about people",
    citation="made by ser_lightning from a seed",
    licence="MIT, as this software",
    labels="made",
)


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a clip departs from the speaker's habits; `st` are semitones.

    `slope_st` and `swell_db` are the change of F0 and level from the first syllable to the last, `accent_st` is the
    height of the F0 peak in a stressed syllable, `final_st` the F0 movement within the last, `tremor_st` the
    depth of a vibration of F0. A larger `tilt_db` per octave is a duller voice.
    """

    f0_st: float = 0.0
    slope_st: float = -2.0
    accent_st: float = 2.0
    final_st: float = -1.0
    tremor_st: float = 0.0
    swell_db: float = 0.0
    rate: float = 1.0
    level_db: float = 0.0
    tilt_db: float = 0.0
    breath_db: float = 0.0
    jitter: float = 0.0


# fmt: off
STYLES = {
    "angry": Style(f0_st=3, accent_st=6, final_st=-5, swell_db=-8, rate=1.2, level_db=4, tilt_db=-1.5),
    "disgust": Style(f0_st=-1.5, slope_st=-7, final_st=-2, swell_db=-3, rate=0.85, jitter=0.025),
    "fear": Style(f0_st=4, slope_st=1, accent_st=1, tremor_st=1.5, rate=1.25, breath_db=4, jitter=0.01),
    "happy": Style(f0_st=3, slope_st=-1, accent_st=7, final_st=4, rate=1.1, level_db=2, tilt_db=-0.5),
    "neutral": Style(),
    "sad": Style(f0_st=-2, accent_st=0, rate=0.7, level_db=-3, tilt_db=1.5, breath_db=5),
    "surprise": Style(f0_st=3, slope_st=7, accent_st=3, final_st=8, swell_db=4, level_db=1),
}
SPREAD = Style(  # standard deviation from clip to clip
    f0_st=0.8, slope_st=0.8, accent_st=0.5, final_st=0.7, tremor_st=0.1, swell_db=1.0,
    rate=0.04, level_db=1.5, tilt_db=0.4, breath_db=1.0, jitter=0.003,
)
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """The habits of one voice and of its microphone and room, the same in every emotion.

    `noise_db` is the room's level in dB of full scale, `microphone_db` are cosines over log frequency.
    """

    f0_hz: float
    tract_scale: float
    tilt_db: float
    level_db: float
    rate: float
    breath_db: float
    jitter: float
    expressiveness: float
    noise_db: float
    microphone_db: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """A corpus of num_speakers * num_texts * 7 clips of 16 kHz, generated when first scanned.

    Files go to `root`, or else into a folder of `cache_dir` that is named after the parameters. The same parameters
    give the same bytes on one machine. Half of the speakers are women.
    """

    cache_dir: Path
    root: Path | None = None
    seed: Annotated[int, Ge(0)] = 0
    num_speakers: Annotated[int, Ge(2)] = 20
    num_texts: Annotated[int, Ge(1)] = 10

    def __post_init__(self) -> None:
        object.__setattr__(self, "cache_dir", Path(self.cache_dir))
        object.__setattr__(self, "root", None if self.root is None else Path(self.root))

    @property
    def name(self) -> str:
        """The name in clip ids and predictions."""
        return "synthetic"

    @property
    def folder(self) -> Path:
        """Where the files are, or will be."""
        digest = hashlib.sha256(self.manifest.encode()).hexdigest()[:12]
        return self.cache_dir / f"synthetic-{digest}" if self.root is None else self.root

    @property
    def manifest(self) -> str:
        """What a folder must say of itself to be taken for this corpus."""
        parameters = {"seed": self.seed, "num_speakers": self.num_speakers, "num_texts": self.num_texts}
        return json.dumps({"format": FORMAT} | parameters)

    def scan(self) -> Scan:
        """List every clip, by speaker, emotion and text; generate them first into a missing or empty folder.

        Raises UserError where the folder holds anything else.
        """
        folder = self.folder
        if is_vacant(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.parent / f".{folder.name}.lock"):
                if is_vacant(folder):
                    self.generate(folder, num_workers=os.cpu_count() or 1)
        utterances = tuple(self.utterances(folder))
        expected = {utterance.path.name for utterance in utterances} | {MANIFEST}
        found = {path.name for path in folder.glob("[!.]*")}
        if found != expected or (folder / MANIFEST).read_text() != self.manifest:
            raise UserError(
                f"the folder of a synthetic corpus holds what its parameters give, and nothing else; {folder}"
                f" is not the {len(utterances)} clips of {self.manifest}; delete it, or give another root"
            )
        return Scan(clips=columns(utterances), origins=(ORIGIN,))

    def utterances(self, folder: Path) -> Iterator[Utterance]:
        """The rows, in order, whether or not the files exist yet."""
        for speaker in range(1, self.num_speakers + 1):
            for emotion in STYLES:
                for text in range(1, self.num_texts + 1):
                    yield Utterance(
                        path=folder / f"s{speaker:02d}_{emotion}_t{text:02d}.wav",
                        emotion=emotion,
                        speaker=f"s{speaker:02d}",
                        corpus=self.name,
                        sex=sex_of(speaker),
                        text=f"t{text:02d}",
                        take="1",
                    )

    def generate(self, folder: Path, *, num_workers: int) -> None:
        """Write every file beside `folder`, then rename: a folder of that name is whole or absent."""
        partial = folder.parent / f".{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        rows = list(self.utterances(partial))
        err.print(f"making the synthetic corpus: {len(rows)} clips, once, in {folder}")
        with ThreadPoolExecutor(num_workers) as pool:
            done = pool.map(self.write, rows)
            for _ in track(done, "synthesising", len(rows), console=err, transient=True, disable=not err.is_terminal):
                pass
        (partial / MANIFEST).write_text(self.manifest)
        partial.rename(folder)

    def write(self, row: Utterance) -> None:
        """Synthesise one clip; what is drawn depends on the seed and the clip alone."""
        speaker, text = int(row.speaker[1:]), int(row.text[1:])
        emotion = 1 + list(STYLES).index(row.emotion)
        wave = act(
            draw_sentence(self.seed, text),
            STYLES[row.emotion],
            draw_speaker(self.seed, speaker),
            np.random.default_rng([self.seed, speaker, emotion, text]),
        )
        soundfile.write(row.path, wave, voice.SAMPLE_RATE, subtype="PCM_16", format="WAV")


def is_vacant(folder: Path) -> bool:
    """Whether a folder is missing or empty; a file of that name is neither."""
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def sex_of(number: int) -> str:
    """Speakers take turns: the first is a woman."""
    return "female" if number % 2 == 1 else "male"


# Numbers count from one: SeedSequence takes [5, 1] and [5, 1, 0, 0] for the same.
def draw_speaker(seed: int, number: int) -> Speaker:
    """The habits of the speaker of that number, from 1."""
    rng = np.random.default_rng([seed, number, 0, 0])
    female = sex_of(number) == "female"
    return Speaker(
        f0_hz=(205.0 if female else 115.0) * 2.0 ** (rng.normal(0.0, 2.5) / 12.0),
        tract_scale=(1.16 if female else 1.0) * rng.normal(1.0, 0.035),
        tilt_db=rng.normal(7.0, 1.2),
        level_db=rng.normal(0.0, 4.0),
        rate=2.0 ** rng.normal(0.0, 0.1),
        breath_db=rng.normal(0.0, 4.0),
        jitter=rng.uniform(0.002, 0.01),
        expressiveness=rng.uniform(0.85, 1.2),
        noise_db=rng.uniform(-75.0, -52.0),
        microphone_db=tuple(rng.normal(0.0, 2.0, size=6).tolist()),
    )


def draw_sentence(seed: int, number: int) -> tuple[voice.Syllable, ...]:
    """The sentence of that number, from 1: 6 to 8 syllables, every second or third of them stressed."""
    rng = np.random.default_rng([seed, 0, 0, number])
    beat, length = rng.integers(2, 4), rng.integers(6, 9)
    consonants = rng.choice(list(voice.CONSONANTS), size=length).tolist()
    vowels = rng.choice(list(voice.VOWELS), size=length).tolist()
    stressed = (np.arange(length) % beat == 1).tolist()
    return tuple(map(voice.Syllable, consonants, vowels, stressed))


def act(
    sentence: tuple[voice.Syllable, ...], style: Style, speaker: Speaker, rng: np.random.Generator
) -> Float[np.ndarray, " time"]:
    """One clip, between -1 and 1."""
    drawn = vary(style, speaker.expressiveness, rng)
    rate = drawn.rate * speaker.rate
    breath_db = speaker.breath_db + drawn.breath_db
    phones = voice.pronounce(sentence, swell_db=drawn.swell_db, breath_db=breath_db)
    shift_st = contour(sentence, phones, drawn, rate, rng)
    f0_hz = speaker.f0_hz * 2.0 ** (shift_st / 12.0)
    tracks = voice.articulate(phones, f0_hz=f0_hz, rate=rate, tract_scale=speaker.tract_scale)
    wave = voice.speak(
        tracks,
        tilt_db=speaker.tilt_db + drawn.tilt_db,
        jitter=speaker.jitter + drawn.jitter,
        shimmer_db=0.5,
        rng=rng,
    )
    return record(wave, speaker, LEVEL_DB + speaker.level_db + drawn.level_db, rng)


def vary(style: Style, strength: float, rng: np.random.Generator) -> Style:
    """`style` at `strength` times its distance from neutral, and a draw of `SPREAD` about that."""
    neutral = np.array(astuple(STYLES["neutral"]))
    values = neutral + strength * (np.array(astuple(style)) - neutral)
    values += rng.standard_normal(values.size) * np.array(astuple(SPREAD))
    drawn = Style(**dict(zip((field.name for field in fields(Style)), values.tolist(), strict=True)))
    return replace(drawn, tremor_st=abs(drawn.tremor_st), jitter=abs(drawn.jitter))


def contour(
    sentence: tuple[voice.Syllable, ...], phones: list[voice.Phone], style: Style, rate: float, rng: np.random.Generator
) -> Float[np.ndarray, " frame"]:
    """F0 in semitones above the speaker's own: lines between vowel starts, middles and ends, and the tremor."""
    ends = np.cumsum([voice.frames_of(phone, rate) for phone in phones])
    vowels = np.cumsum([len(voice.CONSONANTS[syllable.consonant]) + 1 for syllable in sentence])
    starts, stops = ends[vowels - 1], ends[vowels]
    points = np.stack([starts, (starts + stops) / 2.0, stops], axis=1)
    shifts = np.tile(style.f0_st + style.slope_st * voice.places(sentence)[:, None], 3)
    shifts[:, 1] += style.accent_st * np.array([syllable.stressed for syllable in sentence])
    shifts[-1, 2] += style.final_st
    frames = np.arange(ends[-1])
    vibration = np.sin(2.0 * np.pi * (TREMOR_HZ * voice.HOP / voice.SAMPLE_RATE * frames + rng.uniform()))
    return voice.smooth(np.interp(frames, points.ravel(), shifts.ravel()), width=9) + style.tremor_st * vibration


def record(
    wave: Float[np.ndarray, " time"], speaker: Speaker, level_db: float, rng: np.random.Generator
) -> Float[np.ndarray, " time"]:
    """What the speaker's microphone hears: `wave` at `level_db` of full scale, and the room's noise."""
    octaves = np.log2(np.maximum(voice.frequencies(wave.size), 60.0) / 60.0) / np.log2(voice.SAMPLE_RATE / 2 / 60.0)
    orders = 1 + np.arange(len(speaker.microphone_db))[:, None]
    heard = voice.equalise(wave, np.array(speaker.microphone_db) @ np.cos(np.pi * orders * octaves))
    heard *= 10.0 ** (level_db / 20.0) / np.sqrt(np.mean(heard**2))
    heard += rng.standard_normal(wave.size) * 10.0 ** (speaker.noise_db / 20.0)
    limited: Float[np.ndarray, " time"] = heard / max(1.0, np.abs(heard).max() / 0.99)
    return limited
