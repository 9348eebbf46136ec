"""What a linear model gets from mean spectra alone, on the very clips and parts of a finished run.

Linear discriminant analysis on the mean and standard deviation over time of each clip's log-mel. It cannot see the
order of frames: what the network gets beyond it, it has read from movements in time.

    python benchmarks/linear_baseline.py --run outputs/demo/latest
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import yaml
from jaxtyping import Float
from rich.progress import track
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score
from torchaudio.transforms import MelSpectrogram

from ser_lightning.build import build_data
from ser_lightning.terminal import err

NUM_MELS = 64
FLOOR = 1e-10  # power: -100 dB of full scale


def features(wave: Float[np.ndarray, " time"], mel: MelSpectrogram) -> Float[np.ndarray, " feature"]:
    """Mean, then standard deviation, over frames of a log-mel in dB: feature = 2 * NUM_MELS."""
    level_db = 10.0 * np.log10(np.maximum(mel(torch.from_numpy(wave)).numpy(), FLOOR))
    return np.concatenate([level_db.mean(axis=1), level_db.std(axis=1)])


def lda_balanced_accuracy(
    train_features: Float[np.ndarray, "train feature"],
    train_labels: Sequence[str],
    test_features: Float[np.ndarray, "test feature"],
    test_labels: Sequence[str],
) -> float:
    """Mean recall over the labels of the test part, from 0 to 1; covariance shrunk as Ledoit & Wolf (2004)."""
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    model.fit(train_features, train_labels)
    return float(balanced_accuracy_score(test_labels, model.predict(test_features)))


def run_baseline(run_dir: Path) -> float:
    """The baseline's balanced accuracy on a run's test part, trained on its training part."""
    data = build_data(yaml.safe_load((run_dir / "config.yaml").read_text()))
    rate, samples = data.clips.store.rate, data.clips.store.samples
    mel = MelSpectrogram(rate, n_fft=1024, hop_length=rate // 100, n_mels=NUM_MELS, f_min=50.0)
    places = zip(data.table["offset"], data.table["length"], strict=True)
    waves = (samples.read(first, length).astype(np.float32) / 32768 for first, length in places)
    progress = track(
        waves, "mean spectra", total=len(data.table), console=err, transient=True, disable=not err.is_terminal
    )
    table = np.stack([features(wave, mel) for wave in progress])
    labels = np.array(data.labels)[data.targets.argmax(axis=1)]  # those of training may be shuffled, as a control
    parts = data.table["part"].to_numpy()
    train, test = parts == "train", parts == "test"
    return lda_balanced_accuracy(table[train], labels[train].tolist(), table[test], labels[test].tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="a finished run's directory")
    run_dir = parser.parse_args().run
    metrics = json.loads((run_dir / "metrics.json").read_text())
    network, linear = metrics["test"]["balanced_accuracy"], run_baseline(run_dir)
    print("\nThe same test clips, balanced accuracy:")
    print(f"  network                      {network:.3f}")
    print(f"  linear model, mean spectra   {linear:.3f}   (LDA on mean and spread of the log-mel)")
    print(f"  difference                   {network - linear:+.3f}   (chance is {1 / len(metrics['labels']):.3f})")


if __name__ == "__main__":
    main()
