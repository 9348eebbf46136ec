"""Copies of a recording are found whatever was done to their samples; nothing else is taken for a copy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import soundfile
import soxr

from ser_lightning.corpora.ravdess import Ravdess
from ser_lightning.corpora.synthetic import STYLES, act, draw_sentence, draw_speaker
from ser_lightning.corpora.tess import Tess
from ser_lightning.data import candidates, recordings
from ser_lightning.data.fingerprint import NUM_BINS, fingerprints, folded, span
from ser_lightning.data.manifest import to_table
from ser_lightning.data.recordings import bare, correlation, is_distinctive, near_identical
from ser_lightning.data.samples import Samples
from ser_lightning.data.sources import whole_files
from ser_lightning.data.store import prepare

RATE = 16000
Wave = npt.NDArray[np.float64]


def take(seed: int, *, speaker: int = 1, emotion: str = "neutral", text: int = 1) -> Wave:
    """A sentence said by a synthetic speaker; another seed is another take of it."""
    rng = np.random.default_rng([seed, 9, 9, 9])
    return act(draw_sentence(0, text), STYLES[emotion], draw_speaker(0, speaker), rng)


def int16(wave: Wave) -> npt.NDArray[np.int16]:
    return np.rint(np.clip(wave, -1, 1) * 32767).astype(np.int16)


def pairs_of(waves: Sequence[Wave], rate: int = RATE) -> dict[tuple[int, int], float]:
    clips = [int16(wave) for wave in waves]
    length = np.array([len(clip) for clip in clips], np.int64)
    offset = length.cumsum() - length
    samples = np.concatenate([*clips, np.zeros(1, np.int16)])
    found = near_identical(Samples(samples).read, offset, length, fingerprints(samples, offset, length, rate), rate)
    return {(a, b): value for a, b, value in found.iter_rows()}


def print_of(wave: Wave, rate: int = RATE) -> npt.NDArray[np.float32]:
    return fingerprints(int16(wave), np.array([0]), np.array([len(wave)]), rate)[0]


def silence(seconds: float) -> Wave:
    return np.zeros(round(seconds * RATE))


def mp3(wave: Wave, path: Path) -> Wave:
    """There and back at 128 kb/s; beyond that are its header and the last frame, some 100 ms."""
    options = {"format": "MP3", "subtype": "MPEG_LAYER_III", "bitrate_mode": "CONSTANT", "compression_level": 0.2}
    soundfile.write(path, wave, RATE, **options)
    seconds = len(wave) / RATE
    assert 128_000 * seconds <= 8 * path.stat().st_size <= 132_000 * (seconds + 0.2)
    return soundfile.read(path)[0]


COPIES: dict[str, Callable[[Wave, Path], Wave]] = {
    "-6 dB": lambda wave, _: wave * 10 ** (-6 / 20),
    "-30 dB": lambda wave, _: wave * 10 ** (-30 / 20),
    "zeros before": lambda wave, _: np.concatenate([silence(0.2), wave]),
    "zeros after": lambda wave, _: np.concatenate([wave, silence(0.2)]),
    "3 s of zeros around": lambda wave, _: np.concatenate([silence(3), wave, silence(3)]),
    "cut by 10 ms": lambda wave, _: wave[100:-60],
    "polarity": lambda wave, _: -wave,
    "22.05 kHz": lambda wave, _: soxr.resample(soxr.resample(wave, RATE, 22050), 22050, RATE),
    "third of a sample": lambda wave, _: soxr.resample(soxr.resample(wave, RATE, 3 * RATE)[1:], 3 * RATE, RATE),
    "8 bit": lambda wave, _: np.rint(wave * 127) / 127,
    "mp3": lambda wave, folder: mp3(wave, folder / "a.mp3"),
    "everything": lambda wave, folder: -0.3 * mp3(np.concatenate([silence(0.137), wave]), folder / "a.mp3"),
}


@pytest.mark.parametrize("copy", COPIES)
def test_each_copy_is_paired_with_its_original_and_with_no_other_take(copy: str, tmp_path: Path):
    originals = [take(seed) for seed in range(4)]
    found = pairs_of([*originals, *(COPIES[copy](wave, tmp_path) for wave in originals)])
    assert sorted(found) == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert min(found.values()) > 0.95


def test_a_fingerprint_is_the_same_wherever_the_sound_lies_and_at_any_level():
    wave = 0.5 * take(0)
    alone = print_of(wave)
    assert np.linalg.norm(alone) == pytest.approx(1)
    assert len(alone) == NUM_BINS
    for shift in (1, 1599, 1600, 12345):
        np.testing.assert_allclose(print_of(np.concatenate([np.zeros(shift), wave])), alone, atol=1e-4)
        np.testing.assert_allclose(print_of(np.concatenate([wave, np.zeros(shift)])), alone, atol=1e-4)
    np.testing.assert_allclose(print_of(-wave), alone, atol=1e-4)
    assert alone @ print_of(wave / 8) > 0.98


def test_two_takes_are_as_unlike_as_two_noises():
    takes = np.stack([print_of(take(seed)) for seed in range(12)])
    alike = takes @ takes.T
    assert np.abs(alike[~np.eye(12, dtype=bool)]).max() < 0.4


def test_a_fingerprint_is_the_spectrum_every_5_hz():
    wave = take(0)
    folds = folded(int16(wave), 3200)
    expected = np.fft.rfft(int16(wave), 3200 * 50)[::50]
    np.testing.assert_allclose(np.fft.rfft(folds), expected, rtol=1e-3, atol=np.abs(expected).max() * 1e-6)


def time(seconds: float) -> Wave:
    return np.arange(round(seconds * RATE)) / RATE


def clicks(at: Sequence[float]) -> Wave:
    wave = silence(1)
    wave[[round(one * RATE) for one in at]] = 0.9
    return wave


def noise(seed: int, seconds: float = 1.0) -> Wave:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def hum(phase: float) -> Wave:
    return sum((0.1 / k * np.sin(2 * np.pi * 50 * k * (time(2) + phase)) for k in range(1, 20)), silence(2))


UNLIKE: dict[str, list[Wave]] = {
    "takes": [take(seed, emotion=emotion) for emotion in ("angry", "sad") for seed in range(3)],
    "tones": [0.5 * np.sin(2 * np.pi * 440 * time(1) + phase) for phase in (0, 1, 2)],
    "short tones": [0.5 * np.sin(2 * np.pi * 300 * time(0.25) + phase) for phase in (0, 1, 2)],
    "tones of several lengths": [gain * np.sin(2 * np.pi * 440 * time(gain * 3)) for gain in (0.3, 0.31, 0.5)],
    "chord": [0.2 * (np.sin(2 * np.pi * 220 * (time(1) + t)) + np.sin(2 * np.pi * 330 * time(1))) for t in (0, 0.1)],
    "hum": [hum(phase) for phase in (0, 0.003, 0.011)],
    "takes with one hum": [0.3 * take(seed)[:16000] + hum(0)[:16000] for seed in range(3)],
    "noise": [noise(seed) for seed in range(5)],
    "faint noise": [0.0003 * noise(seed) for seed in range(5)],
    "one click": [clicks([0.1]), clicks([0.7]), 0.5 * clicks([0.7])],
    "a click in noise": [clicks([0.5]) + 0.01 * noise(seed) for seed in range(3)],
    "takes with one loud click": [0.05 * take(seed)[:16000] + clicks([0.2]) for seed in (1, 2)],
    "regular clicks": [clicks(np.arange(start, 1, 0.1).tolist()) for start in (0.01, 0.02, 0.03)],
    "two clicks": [gain * clicks([0.1, 0.6]) for gain in (0.2, 0.5, 1)],
    "constant": [level + silence(1) for level in (0.1, 0.2, -0.3)],
    "silence": [silence(1), silence(2), silence(0)],
    "too short": [noise(0, 0.1), 0.5 * noise(0, 0.1), noise(1, 1 / RATE), noise(2, 2 / RATE)],
}


@pytest.mark.parametrize("kind", UNLIKE)
def test_sounds_of_one_kind_are_not_one_recording(kind: str):
    assert pairs_of(UNLIKE[kind]) == {}


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24414, 44100, 96000, 192000])
def test_stores_of_other_rates_are_no_different(rate: int):
    takes = [soxr.resample(take(seed), RATE, rate) for seed in range(3)]
    copies = [np.concatenate([np.zeros(rate // 7), 0.5 * wave]) for wave in takes]
    assert sorted(pairs_of([*takes, *copies], rate)) == [(0, 3), (1, 4), (2, 5)]
    tones = [0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate + phase) for phase in (0, 1)]
    assert pairs_of(tones, rate) == {}


@pytest.mark.parametrize("noise_db", [-10.0, 0.0, 10.0])
def test_correlation_falls_with_added_noise_as_it_must(noise_db: float):
    """Corr(x, x + e) = 1 / sqrt(1 + |e|^2 / |x|^2)."""
    ratio = 10 ** (noise_db / 20)
    one, other = noise(0, 4), noise(0, 4) + ratio * noise(1, 4)
    expected = 1 / np.sqrt(1 + ratio**2)
    assert correlation(int16(one), int16(other), RATE) == pytest.approx(expected, abs=0.03)


def test_correlation_knows_no_order_and_no_level_and_is_1_for_the_clip_itself():
    one, other = int16(take(0)), int16(take(1))
    assert correlation(one, one, RATE) == pytest.approx(1, abs=1e-3)
    assert correlation(one, other, RATE) == pytest.approx(correlation(other, one, RATE), abs=1e-3)
    assert correlation(one, other, RATE) < 0.5
    assert correlation(one // 4 * 4, one // 4, RATE) == pytest.approx(1, abs=1e-3)
    assert correlation(one, one[:100], RATE) == correlation(one, np.zeros(9999, np.int16), RATE) == 0


def test_speech_is_distinctive_and_what_repeats_or_is_over_at_once_is_not():
    assert all(is_distinctive(int16(take(seed, speaker=1 + seed)), RATE) for seed in range(6))
    assert is_distinctive(int16(noise(0)), RATE)
    plain = ("tones", "hum", "one click", "regular clicks", "constant", "silence", "too short")
    assert [kind for kind in plain for wave in UNLIKE[kind] if is_distinctive(int16(wave), RATE)] == []


def test_of_many_copies_each_is_paired_with_another():
    wave = take(0)
    found = pairs_of([np.concatenate([np.zeros(7 * number), 0.9**number * wave]) for number in range(25)])
    assert {clip for pair in found for clip in pair} == set(range(25))
    assert len(found) == sum(min(16, 24 - number) for number in range(25))


def test_without_clips_or_with_one_there_are_no_pairs():
    none = np.empty(0, np.int64)
    prints = fingerprints(np.zeros(9, np.int16), none, none, RATE)
    assert prints.shape == (0, NUM_BINS)
    assert near_identical(Samples(np.zeros(9, np.int16)).read, none, none, prints, RATE).schema == recordings.SCHEMA
    assert pairs_of([]) == pairs_of([take(0)]) == pairs_of([silence(0)]) == {}


def test_clips_without_a_sound_have_a_fingerprint_of_zeros():
    clips = [np.zeros(9000, np.int16), np.ones(3000, np.int16), np.empty(0, np.int16), int16(noise(0))]
    length = np.array([len(clip) for clip in clips])
    prints = fingerprints(np.concatenate(clips), length.cumsum() - length, length, RATE)
    np.testing.assert_allclose(np.linalg.norm(prints, axis=1), [0, 0, 0, 1], atol=1e-6)
    assert (prints.dtype, prints.shape) == (np.float32, (4, NUM_BINS))


@pytest.mark.parametrize("around", [0, 1, 50])
@pytest.mark.parametrize("factor", [1, 2, 7])
def test_what_is_bare_knows_neither_zeros_around_nor_whole_factors(around: int, factor: int):
    clip = np.random.default_rng(0).integers(-4000, 4000, 500).astype(np.int16)
    clip[[0, -1]] = 1, -5
    changed = np.pad(factor * clip, around)
    np.testing.assert_array_equal(bare(changed), clip)
    assert bare(changed).dtype == np.int16
    assert (bare(changed) is changed) == (around == 0 and factor == 1)


def test_what_is_bare_and_its_span_at_the_ends_of_the_range():
    assert bare(np.array([-32768, 0, 16384], np.int16)).tolist() == [-2, 0, 1]
    assert bare(np.zeros(5, np.int16)).tolist() == bare(np.empty(0, np.int16)).tolist() == []
    assert (span(np.zeros(5, np.int16)), span(np.array([0, 0, 1], np.int16))) == (0, 1)


def test_a_store_says_which_of_its_files_are_one_recording(tmp_path: Path):
    wave, tone = 0.4 * take(0), int16(0.2 * np.sin(2 * np.pi * 440 * time(1)))
    whole = int16(wave)
    files = {
        "other": int16(take(1)),
        "take": whole,
        "twin": whole,
        "doubled": np.pad(2 * whole, 77),
        "louder": int16(1.7 * wave),
        "silent": np.zeros(5000, np.int16),
        "tone": tone,
        "tone doubled": 2 * tone,
    }
    for name, samples in files.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE)
    names = [*files, "missing"]
    sources = whole_files(str(tmp_path / f"{name}.wav") for name in names)
    store = prepare(sources, name="x", cache_dir=tmp_path / "cache", rate=RATE)
    assert store.pairs.schema == recordings.SCHEMA
    assert store.pairs.select("a", "b").rows() == [(1, 3), (1, 4), (3, 4)]
    assert store.pairs["correlation"][0] == 1
    assert store.pairs["correlation"].min() > 0.99
    offset, length = (store.index[column].to_numpy() for column in ("offset", "length"))
    prints = fingerprints(store.samples.flat, offset, length, RATE)
    assert (prints.dtype, prints.shape) == (np.float32, (9, NUM_BINS))
    np.testing.assert_allclose(np.linalg.norm(prints, axis=1), [1] * 5 + [0, 1, 1, 0], atol=1e-3)


@pytest.mark.slow
def test_copies_of_real_clips_are_found_and_nothing_else(
    shared_corpora: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """RAVDESS's own pair of identical files, under two names, is told by `hash` and not here.

    The clips are few enough that all are compared with all; the cells that many would be put in find the same pairs.
    """
    scans = [make(root=str(shared_corpora(make.__name__.upper())), data_dir="data").scan() for make in (Ravdess, Tess)]
    paths = pl.concat([to_table(scan.clips) for scan in scans])["path"].to_list()
    rows = list(range(0, len(paths), 10))
    copies = {kind: copy for kind, copy in COPIES.items() if kind != "8 bit"}  # whose noise drowns quiet clips
    copied = []
    for row in rows:
        wave, rate = soundfile.read(paths[row], always_2d=True)
        for kind, copy in copies.items():
            at_16k = soxr.resample(wave.mean(axis=1), rate, RATE)
            soundfile.write(tmp_path / f"{row} {kind}.wav", copy(at_16k, tmp_path), RATE)
            copied.append(str(tmp_path / f"{row} {kind}.wav"))
    store = prepare(whole_files([*paths, *copied]), name="x", cache_dir=tmp_path, rate=RATE)
    origin = [*range(len(paths)), *np.repeat(rows, len(copies)).tolist()]
    assert len(origin) == len(paths) + 214 * len(copies) == 2140 + 2354
    pairs = store.pairs.select("a", "b").rows()
    assert [(a, b) for a, b in pairs if origin[a] != origin[b]] == []
    found = np.isin(range(len(paths), len(origin)), [b for _, b in pairs]).reshape(len(rows), len(copies))
    assert dict(zip(copies, (found.mean(axis=0) >= 0.99).tolist(), strict=True)) == dict.fromkeys(copies, True)
    offset, length = (store.index[column].to_numpy() for column in ("offset", "length"))
    prints = fingerprints(store.samples.flat, offset, length, RATE)
    compared = candidates.candidates(prints)
    assert len(compared) > len(copied)
    monkeypatch.setattr(candidates, "EXACT", 0)
    np.testing.assert_array_equal(candidates.candidates(prints), compared)
