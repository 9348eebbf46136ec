"""Whether a clip has the same probabilities everywhere: in the training's own test pass, and for all who use the model.

    python benchmarks/agreement.py --root ../shared/corpora

Real clips are written at four rates and are the test part of a run, which trains for an epoch on others. Compared with
its predictions/test.csv: `Recognizer`, `predict`, a stream fed in chunks of odd sizes, and the exported ONNX and torch
files. Ends with 1 where any differs by more than 1e-4.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import polars as pl
import soundfile
import soxr
from jaxtyping import Float64

from measuring import print_table
from ser_lightning import Recognizer
from ser_lightning.exported.parity import as_wave
from ser_lightning.exported.programs import run_onnx, run_torch

RATES = (16000, 24400, 48000, 96000)
EMOTIONS = ("angry", "happy", "sad")
"""Given to clips in turn: what a model has learned is no matter here."""
BOUND = 1e-4
Probabilities = Float64[np.ndarray, "clip class"]


def write_corpus(folder: Path, clips: list[Path]) -> list[Path]:
    """Each clip at each rate as the test part; the first ones once more as train and val. The test files."""
    rows, files = [], []
    for number, clip in enumerate(clips):
        wave, rate = soundfile.read(clip, dtype="float32", always_2d=True)
        for target in RATES:
            file = folder / f"{number:03}_{target}.wav"
            soundfile.write(file, soxr.resample(wave.mean(axis=1), rate, target, quality="VHQ"), target)
            files.append(file)
            rows.append((file.name, EMOTIONS[number % 3], "tested", "test"))
        part = "val" if number % 5 == 0 else "train"
        noisy = wave[:, 0] + 0.01 * np.random.default_rng(number).standard_normal(len(wave))
        soundfile.write(folder / f"{number:03}_{part}.wav", noisy, rate)
        rows.append((f"{number:03}_{part}.wav", EMOTIONS[number % 3], part, part))
    table = pl.DataFrame(rows, ["path", "emotion", "speaker", "part"], orient="row")
    table.drop("part").write_csv(folder / "clips.csv")
    names = table["path"].str.strip_suffix(".wav")
    table.select(clip=names, part="part").write_csv(folder / "parts.csv")
    return files


def is_audio(path: Path) -> bool:
    """Whether the file is there, not only its name, as where git-LFS left a pointer."""
    try:
        return bool(soundfile.info(path).frames > 0)
    except soundfile.LibsndfileError:
        return False


def command(name: str, *overrides: str, folder: Path) -> None:
    """One of our commands, in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", f"ser_lightning.{name}", *overrides], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )


def of_table(path: Path, key: Callable[[str], str], files: list[Path], labels: tuple[str, ...]) -> Probabilities:
    """The probabilities of files in a CSV, whose first column `key` makes the file's stem of."""
    table = pl.read_csv(path)
    rows = dict(
        zip(map(key, table.to_series(0)), table.select(f"p_{label}" for label in labels).to_numpy(), strict=True)
    )
    return np.stack([rows[file.stem] for file in files])


def streamed(recognizer: Recognizer, file: Path) -> list[float]:
    """The answer of a stream of a file's samples, in chunks of 997 and 4001."""
    wave, rate = soundfile.read(file, dtype="int16")
    stream, place = recognizer.stream(rate, hop_seconds=recognizer.window / recognizer.rate / 3), 0
    while place < len(wave):
        size = 997 if place % 2 else 4001
        stream.feed(wave[place : place + size])
        place += size
    stream.finish()
    return list(stream.answer.probabilities.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("../shared/corpora"))
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--backbone", default="resnet18")
    arguments = parser.parse_args()
    named = sorted(path for path in arguments.root.rglob("*") if path.suffix.lower() in (".wav", ".flac"))
    found = [path for path in named if is_audio(path)]
    if not found:
        print(f"agreement: no clips in {arguments.root}; give --root")
        return
    clips = found[:: max(1, len(found) // arguments.clips)][: arguments.clips]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "corpus").mkdir()
        files = write_corpus(folder / "corpus", clips)
        differences = compare(folder, files, arguments.backbone)
    print(f"{len(clips)} clips at {', '.join(f'{rate / 1000:g}' for rate in RATES)} kHz, {arguments.backbone}\n")
    rows = [[name, f"{difference:.1e}"] for name, difference in differences.items()]
    print_table(["compared with predictions/test.csv", "largest difference"], rows)
    sys.exit(0 if max(differences.values()) <= BOUND else 1)


def compare(folder: Path, files: list[Path], backbone: str) -> dict[str, float]:
    """Train, ask everybody, and tell how far each is from the run's own predictions."""
    corpus = folder / "corpus"
    split = ["split=fixed", f"split.file={corpus / 'parts.csv'}", "leaks=allow"]
    words = ["corpus=table", f"corpus.root={corpus / 'clips.csv'}", *split, f"model.backbone={backbone}"]
    words += [
        "model.pretrained=false",
        "trainer.max_epochs=1",
        "trainer=cpu",
        "data.window_seconds=1.5",
        "hydra.run.dir=run",
    ]
    command("train", *words, "hydra.run.dir=run", folder=folder)
    (folder / "tested").mkdir()
    for file in files:
        (folder / "tested" / file.name).symlink_to(file)
    command("predict", "run=run", "inputs=tested", "output=answers.csv", folder=folder)
    command("export", "run=run", "format=both", folder=folder)
    recognizer = Recognizer.load(folder / "run")
    onnx, torch = run_onnx(folder / "run/export/model.onnx"), run_torch(folder / "run/export/model.pt2")
    waves = [as_wave(recognizer.heard(file).samples[None]) for file in files]
    labels = recognizer.labels
    expected = of_table(folder / "run/predictions/test.csv", lambda clip: clip.rsplit("/", 1)[-1], files, labels)
    everybody = {
        "Recognizer": np.array([list(answer.probabilities.values()) for answer in recognizer(list(files))]),
        "predict": of_table(folder / "answers.csv", lambda path: Path(path).stem, files, labels),
        "stream": np.array([streamed(recognizer, file) for file in files]),
        "ONNX": np.concatenate([onnx(wave) for wave in waves]),
        "torch.export": np.concatenate([torch(wave) for wave in waves]),
    }
    return {name: float(np.abs(found - expected).max()) for name, found in everybody.items()}


if __name__ == "__main__":
    main()
