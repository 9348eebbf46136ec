"""Two hundred damaged files: each is answered or named with its reason, and the command goes on to the last."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ser_lightning.predict import predict

NUM_FILES = 200
RATE = 16000
TYPES = {".wav": "PCM_16", ".flac": "PCM_16", ".ogg": "VORBIS", ".mp3": "MPEG_LAYER_III", ".aiff": "PCM_24"}


def truncated(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(0, len(data)))]


def flipped(data: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, len(data), rng.integers(1, 60)):
        data[place] ^= 1 << rng.integers(0, 8)
    return data


def header_flipped(data: bytearray, rng: np.random.Generator) -> bytearray:
    for place in rng.integers(0, min(64, len(data)), rng.integers(1, 12)):
        data[place] = rng.integers(0, 256)
    return data


def lying(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Numbers of a WAV header that cannot be: channels, rate, block size, bits, or the length of the samples."""
    place, size = [(22, 2), (24, 4), (32, 2), (34, 2), (40, 4), (4, 4)][rng.integers(0, 6)]
    value = [0, 1, 2**15, 2 ** (8 * size) - 1, 2 ** (8 * size - 1)][rng.integers(0, 5)] % 2 ** (8 * size)
    data[place : place + size] = int(value).to_bytes(size, "little")
    return data


def swapped(data: bytearray, rng: np.random.Generator) -> bytearray:
    """Each two bytes in the other order, as a machine of the other kind would write them."""
    even = data[: len(data) // 2 * 2]
    even[0::2], even[1::2] = even[1::2], even[0::2]
    return even


def spliced(data: bytearray, rng: np.random.Generator) -> bytearray:
    cut = int(rng.integers(0, len(data)))
    return data[:cut] + rng.bytes(int(rng.integers(1, 4000))) + data[cut:]


DAMAGES = (truncated, flipped, header_flipped, lying, swapped, spliced)


def malformed(folder: Path, whole: list[Path], rng: np.random.Generator) -> None:
    """Write NUM_FILES damaged copies of files, each damaged in one way."""
    for number in range(NUM_FILES):
        source = whole[number % len(whole)]
        damage = DAMAGES[number // len(whole) % len(DAMAGES)]
        data = bytearray(source.read_bytes())
        (folder / f"{number:03}_{damage.__name__}{source.suffix}").write_bytes(bytes(damage(data, rng)))


def clips(folder: Path) -> list[Path]:
    """One second of a tone in noise in each type."""
    rng = np.random.default_rng(1)
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) + 0.05 * rng.standard_normal(RATE)
    paths = [folder / f"whole{suffix}" for suffix in TYPES]
    for path in paths:
        soundfile.write(path, wave, RATE, subtype=TYPES[path.suffix])
    return paths


def check(table: Path, code: int, said: str) -> None:
    with table.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == NUM_FILES
    assert "Traceback" not in said
    for row in found:
        if row["error"]:
            assert row["label"] == ""
            assert f"{row['path']} {row['error']}" in said
        else:
            p = [float(value) for name, value in row.items() if name.startswith("p_")]
            assert all(map(math.isfinite, p))
            assert math.isclose(sum(p), 1, abs_tol=1e-5)
    failed = sum(bool(row["error"]) for row in found)
    assert 40 < failed < NUM_FILES
    assert code == 1


def test_damaged_files_are_answered_or_named(run_job, tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    malformed(tmp_path / "in", clips(tmp_path), np.random.default_rng(7))
    done = run_job(predict, "predict", [f"run={tiny_run}", "inputs=in", "output=answers.csv"])
    check(tmp_path / "answers.csv", done.code, done.out + done.err)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_real_clips_are_answered_or_named(shared_corpora, tiny_run, tmp_path, seed):
    (tmp_path / "in").mkdir()
    whole = sorted(shared_corpora("RAVDESS").rglob("*.wav"))[:: 40 + seed][:20]
    assert whole
    malformed(tmp_path / "in", whole, np.random.default_rng(seed))
    words = [f"run={tiny_run}", "inputs=in", "output=answers.csv"]
    command = [sys.executable, "-m", "ser_lightning.predict", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    check(tmp_path / "answers.csv", done.returncode, done.stdout + done.stderr)
