"""What a file holds is what is heard: tones, levels and lengths survive, usable types are read, the rest is named."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from ser_lightning.data.audio import BadAudioError, read_clip, resample, to_int16

Wave = npt.NDArray[np.float64]
RATE = 16000
RNG = np.random.default_rng(0)
NOISE = 0.1 * RNG.standard_normal(RATE // 4)
PCM = RNG.integers(-20000, 20000, RATE // 4, dtype=np.int16)


def tone(hertz: float, rate: int, seconds: float = 0.5, amplitude: float = 0.5) -> Wave:
    return np.asarray(amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate))


def decibel(ratio: float) -> float:
    return float(20 * np.log10(max(ratio, 1e-12)))


def middle(samples: npt.NDArray[np.int16]) -> Wave:
    """The inner half, in full scale, away from the edges of a tone that is cut off."""
    quarter = len(samples) // 4
    return np.asarray(samples[quarter:-quarter] / 32768.0)


def fitted_sine(wave: Wave, hertz: float, rate: int = RATE) -> tuple[float, float]:
    """Amplitude of the sine at `hertz` that fits best (least squares), and the RMS of what it leaves."""
    phase = 2 * np.pi * hertz * np.arange(len(wave)) / rate
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    parts, *_ = np.linalg.lstsq(basis, wave, rcond=None)
    return float(np.hypot(*parts)), float(np.sqrt(np.mean((wave - basis @ parts) ** 2)))


def amplitude_at(wave: Wave, hertz: float) -> float:
    return fitted_sine(wave, hertz)[0]


def chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack("<4sI", name, len(payload)) + payload + b"\0" * (len(payload) % 2)


def wav(*, before: bytes = b"", after: bytes = b"", announced: int | None = None, riff: int | None = None) -> bytes:
    """PCM as a mono 16-bit WAV at 16 kHz, with further chunks and what its headers say of their lengths."""
    data = PCM.tobytes()
    fmt = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    size = len(data) if announced is None else announced
    body = b"WAVE" + fmt + before + struct.pack("<4sI", b"data", size) + data + after
    return struct.pack("<4sI", b"RIFF", len(body) if riff is None else riff) + body


def heard(path: Path, rate: int = RATE) -> npt.NDArray[np.int16]:
    return read_clip(path, rate).samples


def reason(path: Path, rate: int = RATE) -> str:
    with pytest.raises(BadAudioError) as caught:
        read_clip(path, rate)
    return str(caught.value)


class TestPhysics:
    @pytest.mark.parametrize("rate", [8000, 11025, 22050, 24414, 44100, 48000, 96000])
    def test_a_tone_keeps_frequency_level_and_length(self, tmp_path: Path, rate: int):
        soundfile.write(tmp_path / "a.wav", tone(1000, rate), rate, subtype="FLOAT")
        samples = heard(tmp_path / "a.wav")
        assert abs(len(samples) - RATE // 2) <= 1
        wave = middle(samples)
        spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 18))
        assert np.argmax(spectrum) * RATE / (1 << 18) == pytest.approx(1000, abs=0.5)
        amplitude, residual = fitted_sine(wave, 1000)
        assert decibel(amplitude / 0.5) == pytest.approx(0, abs=0.1)
        assert decibel(residual / 0.5) < -80

    @pytest.mark.parametrize("rate", [24414, 44100, 48000])
    def test_what_16_khz_cannot_hold_vanishes_and_does_not_fold_back(self, tmp_path: Path, rate: int):
        mixed = tone(9000, rate) + tone(1000, rate, amplitude=0.01)
        soundfile.write(tmp_path / "a.wav", mixed, rate, subtype="FLOAT")
        wave = middle(heard(tmp_path / "a.wav"))
        assert decibel(amplitude_at(wave, 16000 - 9000) / 0.5) < -80
        assert decibel(amplitude_at(wave, 1000) / 0.01) == pytest.approx(0, abs=0.1)

    def test_a_9_khz_tone_alone_leaves_nothing(self, tmp_path: Path):
        soundfile.write(tmp_path / "a.wav", tone(9000, 48000), 48000, subtype="FLOAT")
        wave = middle(heard(tmp_path / "a.wav"))
        assert decibel(float(np.sqrt(np.mean(wave**2))) / (0.5 / np.sqrt(2))) < -80

    @pytest.mark.parametrize("gain_db", [-40.0, -6.0, 6.0])
    def test_a_gain_moves_the_level_by_as_much(self, tmp_path: Path, gain_db: float):
        for name, gain in (("a", 1.0), ("b", 10 ** (gain_db / 20))):
            soundfile.write(tmp_path / f"{name}.wav", gain * tone(440, 44100, amplitude=0.2), 44100, subtype="FLOAT")
        one, other = (amplitude_at(middle(heard(tmp_path / f"{name}.wav")), 440) for name in "ab")
        assert decibel(other / one) == pytest.approx(gain_db, abs=0.05)

    def test_channels_are_averaged(self, tmp_path: Path):
        left, right = RNG.integers(-9000, 9000, (2, 4000), dtype=np.int16)
        soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), RATE)
        clip = read_clip(tmp_path / "a.wav", RATE)
        assert clip.channels == 2
        np.testing.assert_array_equal(clip.samples, np.rint((left.astype(float) + right) / 2).astype(np.int16))

    def test_opposite_channels_cancel(self, tmp_path: Path):
        soundfile.write(tmp_path / "a.wav", np.stack([NOISE, -NOISE], axis=1), RATE, subtype="FLOAT")
        assert reason(tmp_path / "a.wav") == "is silent throughout (every sample is zero)"


class TestSamples:
    def test_16_bit_mono_at_the_wanted_rate_is_copied_bit_by_bit(self, tmp_path: Path):
        every = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
        soundfile.write(tmp_path / "a.wav", every, RATE)
        clip = read_clip(tmp_path / "a.wav", RATE)
        np.testing.assert_array_equal(clip.samples, every)
        assert (clip.samples.dtype, clip.file_rate, clip.channels, clip.note) == (np.int16, RATE, 1, "")

    @pytest.mark.parametrize("rate", [8000, 24414, 44100, 96000])
    def test_resampling_is_soxr_hq_then_rounding(self, tmp_path: Path, rate: int):
        wave = NOISE.astype(np.float32)
        soundfile.write(tmp_path / "a.wav", wave, rate, subtype="FLOAT")
        expected = np.rint(soxr.resample(wave, rate, RATE, quality="HQ") * 32768.0).astype(np.int16)
        np.testing.assert_array_equal(heard(tmp_path / "a.wav"), expected)

    def test_the_same_rate_is_no_resampling(self):
        wave = NOISE.astype(np.float32)
        assert resample(wave, RATE, RATE) is wave

    def test_rounding_is_to_the_nearest_and_clamps_at_full_scale(self):
        wave = np.array([0.4, 0.6, -0.6, 1.5, 2.5, 32766.6, 32767.6, -32768, -32769, 36044, 36046], dtype=np.float32)
        samples, clipped = to_int16(wave / np.float32(32768))
        assert samples.tolist() == [0, 1, -1, 2, 2, 32767, 32767, -32768, -32768, 32767, 32767]
        assert clipped == 1

    def test_what_is_far_beyond_full_scale_is_clamped_and_told(self, tmp_path: Path):
        wave = tone(100, RATE, amplitude=2.28)
        soundfile.write(tmp_path / "a.wav", wave, RATE, subtype="FLOAT")
        clip = read_clip(tmp_path / "a.wav", RATE)
        assert (clip.samples.max(), clip.samples.min()) == (32767, -32768)
        assert clip.note == f"{(np.abs(wave) > 1.1).sum()} samples are far beyond full scale and were clamped"

    def test_the_overshoot_of_a_clipped_recording_is_no_note(self, tmp_path: Path):
        soundfile.write(tmp_path / "a.wav", np.sign(tone(400, 48000)) * 0.9, 48000)
        assert read_clip(tmp_path / "a.wav", RATE).note == ""

    def test_a_short_clip_is_used_and_named(self, tmp_path: Path):
        soundfile.write(tmp_path / "a.wav", PCM[:800], RATE)
        clip = read_clip(tmp_path / "a.wav", RATE)
        assert (len(clip.samples), clip.note) == (800, "lasts only 0.050 s; used as it is")

    @pytest.mark.parametrize(
        ("start", "end", "first", "last"),
        [
            (None, None, 0, 4000),
            (0.0, 0.1, 0, 1600),
            (0.05, None, 800, 4000),
            (0.1, 0.2, 1600, 3200),
            (0.2, 0.3, 3200, 4000),
        ],
    )
    def test_a_segment_is_those_samples_and_may_end_a_little_late(
        self, tmp_path: Path, start: float | None, end: float | None, first: int, last: int
    ):
        soundfile.write(tmp_path / "a.flac", PCM, RATE)
        clip = read_clip(tmp_path / "a.flac", RATE, start=start, end=end)
        np.testing.assert_array_equal(clip.samples, PCM[first:last])

    @pytest.mark.parametrize(
        ("start", "end", "segment"),
        [
            (0.0, 0.4, "0 s to 0.4 s"),
            (0.25, None, "0.25 s to its end"),
            (0.26, 0.3, "0.26 s to 0.3 s"),
            (-0.1, 0.1, "-0.1 s to 0.1 s"),
        ],
    )
    def test_a_segment_that_is_not_there(self, tmp_path: Path, start: float, end: float | None, segment: str):
        soundfile.write(tmp_path / "a.wav", PCM, RATE)
        with pytest.raises(BadAudioError, match=f"^has no segment from {segment}: it lasts 0.250 s$"):
            read_clip(tmp_path / "a.wav", RATE, start=start, end=end)


class TestTypes:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("a.wav", {"subtype": "PCM_24"}),
            ("a.wav", {"subtype": "PCM_32"}),
            ("a.wav", {"subtype": "FLOAT"}),
            ("a.wav", {"subtype": "DOUBLE"}),
            ("a.wav", {"format": "WAVEX"}),
            ("a.wav", {"format": "RF64"}),
            ("a.wav", {"format": "WAV", "endian": "BIG"}),
            ("a.flac", {}),
            ("a.flac", {"subtype": "PCM_24"}),
            ("a.aiff", {}),
            ("a.aiff", {"endian": "LITTLE"}),
            ("a.wav", {"format": "AIFF"}),
            ("a.mp3", {"format": "WAV"}),
            ("a", {"format": "FLAC"}),
            ("a.au", {}),
            ("a.w64", {}),
            ("a.caf", {}),
            ("a.nist", {"format": "NIST"}),
        ],
        ids=lambda value: value if isinstance(value, str) else "-".join(value.values()),
    )
    def test_every_lossless_type_gives_the_same_samples_whatever_its_name(
        self, tmp_path: Path, name: str, options: dict[str, str]
    ):
        wave = PCM / 32768.0
        kind = Path(name).suffix[1:].upper()
        soundfile.write(tmp_path / name, wave, RATE, **{"format": kind, **options})
        np.testing.assert_array_equal(heard(tmp_path / name), PCM)

    def test_8_bit(self, tmp_path: Path):
        levels = np.arange(-128, 128)
        soundfile.write(tmp_path / "a.wav", levels / 128.0, RATE, subtype="PCM_U8")
        np.testing.assert_array_equal(heard(tmp_path / "a.wav"), levels * 256)

    def test_mu_law_is_that_of_g711(self, tmp_path: Path):
        soundfile.write(tmp_path / "a.wav", PCM / 32768.0, RATE, subtype="ULAW")
        code = ~np.frombuffer((tmp_path / "a.wav").read_bytes()[-len(PCM) :], dtype=np.uint8)
        size = (((code & 15).astype(int) << 3) + 132 << ((code >> 4) & 7)) - 132
        np.testing.assert_array_equal(heard(tmp_path / "a.wav"), np.where(code & 128, -size, size))

    def test_24_bit_rounds_what_16_bits_cannot_hold(self, tmp_path: Path):
        fine = RNG.integers(-(1 << 23), (1 << 23) - 1000, 4000)
        soundfile.write(tmp_path / "a.wav", (fine << 8).astype(np.int32), RATE, subtype="PCM_24")
        np.testing.assert_array_equal(heard(tmp_path / "a.wav"), np.rint(fine / 256).astype(np.int16))

    @pytest.mark.parametrize("rate", [24414, 96000])
    def test_the_rates_of_tess(self, tmp_path: Path, rate: int):
        soundfile.write(tmp_path / "a.wav", np.zeros(rate // 4) + 0.25, rate)
        clip = read_clip(tmp_path / "a.wav", RATE)
        assert (clip.file_rate, len(clip.samples)) == (rate, pytest.approx(4000, abs=1))

    def test_six_channels(self, tmp_path: Path):
        gains = np.array([1, 2, 3, 4, 5, 9]) / 32768
        soundfile.write(tmp_path / "a.wav", np.ones((1600, 1)) * 100 * gains, RATE, format="WAVEX")
        clip = read_clip(tmp_path / "a.wav", RATE)
        assert (clip.channels, set(clip.samples.tolist())) == (6, {400})

    @pytest.mark.parametrize(
        ("name", "subtype", "level"),
        [("a.ogg", "VORBIS", 0.5), ("a.ogg", "OPUS", 0.5), ("a.mp3", "MPEG_LAYER_III", 0.5)],
    )
    def test_lossy_types_keep_a_tones_level(self, tmp_path: Path, name: str, subtype: str, level: float):
        kind = Path(name).suffix[1:].upper()
        soundfile.write(tmp_path / name, tone(1000, 48000, 1.0, level), 48000, format=kind, subtype=subtype)
        samples = heard(tmp_path / name)
        assert len(samples) == pytest.approx(16000, abs=1200)
        assert decibel(amplitude_at(middle(samples)[:4000], 1000) / level) == pytest.approx(0, abs=0.3)

    @pytest.mark.parametrize(
        "content",
        [
            wav(before=chunk(b"FLLR", bytes(4044))),
            wav(before=chunk(b"LIST", b"odd length!")),
            wav(after=chunk(b"LIST", b"odd length!") + chunk(b"_PMX", b"<x:xmpmeta/>" * 99)),
            wav(before=chunk(b"JUNK", b"\xff" * 7) + chunk(b"data"[::-1], b"data" * 5)),
            wav(announced=0xFFFFFFFF, riff=0xFFFFFFFF),
            wav(announced=0x7FFFFFFF, riff=0x7FFFFFFF),
            wav(announced=0x7FFFF000, riff=0),
            wav(riff=0),
        ],
        ids=[
            "FLLR as RAVDESS",
            "odd chunk",
            "after",
            "no data",
            "streamed",
            "streamed by sox",
            "by arecord",
            "no size",
        ],
    )
    def test_chunks_and_headers_of_all_kinds(self, tmp_path: Path, content: bytes):
        (tmp_path / "a.wav").write_bytes(content)
        np.testing.assert_array_equal(heard(tmp_path / "a.wav"), PCM)


def cut(name: str, share: float, **options: str) -> Callable[[Path], None]:
    """Half a second of noise in a type, of whose bytes only the first `share` are there."""

    def make(path: Path) -> None:
        whole = path.with_name("whole")
        soundfile.write(whole, np.tile(NOISE, 8), RATE, format=Path(name).suffix[1:].upper(), **options)
        content = whole.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    return make


def noise_with(**values: float) -> Callable[[Path], None]:
    """Float noise with one odd value in it; `second` puts it in one of two channels, `pair` both signs in both."""

    def make(path: Path) -> None:
        wave = NOISE.astype(np.float32)
        wave[100] = values["value"]
        rows = [wave] if len(values) == 1 else [NOISE.astype(np.float32) if values["other"] == 0 else -wave, wave]
        soundfile.write(path, np.stack(rows, axis=1), RATE, subtype="FLOAT")

    return make


def content(data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


def samples(wave: object, rate: int = RATE) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        soundfile.write(path, np.asarray(wave), rate, format="WAV")

    return make


def unknown_length(path: Path) -> None:
    """A FLAC as an encoder writes it to a pipe: the 36 bits for its length are zero (RFC 9639, 8.2)."""
    soundfile.write(path, PCM, RATE, format="FLAC")
    header = bytearray(path.read_bytes())
    header[21] &= 0xF0
    header[22:26] = bytes(4)
    path.write_bytes(header)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a2146" * 8 + b"\nsize 12345\n"
BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "empty": ("a.wav", Path.touch, "is empty (0 bytes)"),
    "text": (
        "a.wav",
        content(b"not here yet\n"),
        "is no audio that libsndfile reads: it is text that begins with 'not here yet'",
    ),
    "text named mp3": (
        "a.mp3",
        content(b"not here yet\n" * 50),
        "is no audio that libsndfile reads: it is text that begins with 'not here yet'",
    ),
    "web page": (
        "a.flac",
        content(b"<!DOCTYPE html>\n<html><body>404</body></html>"),
        "is no audio that libsndfile reads: it is text that begins with '<!DOCTYPE html>'",
    ),
    "random bytes": ("a.wav", content(np.random.default_rng(1).bytes(5000)), "is no audio that libsndfile reads"),
    "zeros": ("a.wav", content(bytes(5000)), "is no audio that libsndfile reads"),
    "git-LFS pointer": (
        "a.wav",
        content(POINTER),
        "is a git-LFS pointer, not audio; fetch the real file with `git lfs pull`",
    ),
    "WAV cut short": ("a.wav", content(wav()[:5000]), "is cut short: 8000 bytes announced, 4956 there"),
    "WAV cut by a byte": ("a.wav", content(wav()[:-1]), "is cut short: 8000 bytes announced, 7999 there"),
    "WAV cut behind its header": ("a.wav", content(wav()[:44]), "is cut short: 8000 bytes announced, 0 there"),
    "WAV cut in its header": ("a.wav", content(wav()[:30]), "is no audio that libsndfile reads"),
    "WAV with FLLR cut short": (
        "a.wav",
        content(wav(before=chunk(b"FLLR", bytes(4044)))[:9000]),
        "is cut short: 8000 bytes announced, 4904 there",
    ),
    "AIFF cut short": ("a.aiff", cut("a.aiff", 0.5), "is cut short: 64008 bytes announced, "),
    "AIFF named WAV cut short": ("a.wav", cut("a.aiff", 0.9), "is cut short: 64008 bytes announced, "),
    "FLAC cut short": ("a.flac", cut("a.flac", 0.6), "is damaged or cut short: "),
    "MP3 cut short": ("a.mp3", cut("a.mp3", 0.6), "is cut short: 32000 frames announced, "),
    "FLAC of unknown length": ("a.flac", unknown_length, "does not say how long it is"),
    "no frames": ("a.wav", samples(np.zeros(0)), "holds no samples"),
    "one frame": ("a.wav", samples([0.5], 96000), "is too short: 1 frames at 96000 Hz are not one sample at 16000 Hz"),
    "silent": ("a.wav", samples(np.zeros(4000)), "is silent throughout (every sample is zero)"),
    "silent stereo at 48 kHz": ("a.wav", samples(np.zeros((4000, 2)), 48000), "is silent throughout"),
    "NaN": ("a.wav", noise_with(value=np.nan), "holds 1 samples that are not finite numbers"),
    "infinity": ("a.wav", noise_with(value=-np.inf), "holds 1 samples that are not finite numbers"),
    "NaN in one channel": ("a.wav", noise_with(value=np.nan, other=0), "holds 1 samples that are not finite numbers"),
    "infinities that meet": ("a.wav", noise_with(value=np.inf, other=1), "holds 2 samples that are not finite numbers"),
    "huge numbers": (
        "a.wav",
        noise_with(value=3e38),
        "holds samples up to 3.0e+38 times full scale, which are no sound",
    ),
    "raw": ("a.raw", content(PCM.tobytes()), "is named .raw, so libsndfile looks for no header"),
    "missing": ("a.wav", lambda path: None, "cannot be opened: no such file or directory"),
    "folder": ("a.wav", Path.mkdir, "cannot be opened: is a directory"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_audio_is_named_with_its_reason(tmp_path: Path, case: str):
    name, make, told = BAD[case]
    make(tmp_path / name)
    got = reason(tmp_path / name)
    assert got.startswith(told)
    assert "\n" not in got


@pytest.mark.parametrize("case", ["huge numbers", "NaN", "infinity"])
def test_bad_numbers_stay_bad_when_resampled(tmp_path: Path, case: str):
    name, make, told = BAD[case]
    make(tmp_path / name)
    assert reason(tmp_path / name, 8000) == told


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read a file without read permission")
def test_no_read_permission(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", PCM, RATE)
    (tmp_path / "a.wav").chmod(0)
    assert reason(tmp_path / "a.wav") == "cannot be opened: permission denied"


def test_any_cut_of_a_wav_is_refused(tmp_path: Path):
    whole = wav(before=chunk(b"LIST", b"abc"))
    for length in range(0, len(whole), 97):
        (tmp_path / "a.wav").write_bytes(whole[:length])
        assert reason(tmp_path / "a.wav")
