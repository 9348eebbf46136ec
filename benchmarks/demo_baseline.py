"""What a linear model gets from the mean spectrum alone, to hold the demo's network against.

Linear discriminant analysis on the mean and standard deviation over time of each clip's log-mel. It cannot see the
order of frames: what a network gets beyond it, it must have read from movements in time.

    python benchmarks/demo_baseline.py --cache-dir ~/.cache/ser_lightning
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from jaxtyping import Bool, Float
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score
from torchaudio.transforms import MelSpectrogram

from ser_lightning.corpora.base import Utterance
from ser_lightning.corpora.synthetic import Synthetic

NUM_MELS = 64
FLOOR = 1e-10  # power: -100 dB of full scale


def features(wave: Float[np.ndarray, " time"], sample_rate: int) -> Float[np.ndarray, " feature"]:
    """Mean, then standard deviation, over frames of a log-mel in dB: feature = 2 * NUM_MELS."""
    mel = MelSpectrogram(sample_rate, n_fft=1024, hop_length=sample_rate // 100, n_mels=NUM_MELS)
    power = mel(torch.from_numpy(wave).float()).numpy()
    level_db = 10.0 * np.log10(np.maximum(power, FLOOR))
    return np.concatenate([level_db.mean(axis=1), level_db.std(axis=1)])


def lda_balanced_accuracy(
    train_features: Float[np.ndarray, "train feature"],
    train_emotions: Sequence[str],
    test_features: Float[np.ndarray, "test feature"],
    test_emotions: Sequence[str],
) -> float:
    """Mean recall over the emotions of the test part, from 0 to 1; covariance shrunk as Ledoit & Wolf (2004)."""
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    model.fit(train_features, train_emotions)
    return float(balanced_accuracy_score(test_emotions, model.predict(test_features)))


def speaker_parts(utterances: Sequence[Utterance], seed: int) -> list[str]:
    """The part of each clip: of each sex's speakers 10 % are "val", 20 % "test", at least one each, the rest "train".

    A sex of fewer than three speakers leaves none to train on.
    """
    rng = np.random.default_rng(seed)
    part_of: dict[str, str] = {}
    for sex in sorted({utterance.sex for utterance in utterances}):
        speakers = rng.permutation(sorted({row.speaker for row in utterances if row.sex == sex})).tolist()
        num_val, num_test = max(1, round(0.1 * len(speakers))), max(1, round(0.2 * len(speakers)))
        parts = ["val"] * num_val + ["test"] * num_test + ["train"] * len(speakers)
        part_of |= dict(zip(speakers, parts, strict=False))
    return [part_of[utterance.speaker] for utterance in utterances]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache-dir", type=Path, default=Path("~/.cache/ser_lightning").expanduser())
    parser.add_argument("--seeds", type=int, default=5, help="how many splits to draw")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    utterances = Synthetic(cache_dir=arguments.cache_dir).scan().utterances
    table = np.stack([features(*soundfile.read(utterance.path)) for utterance in utterances])
    emotions = np.array([utterance.emotion for utterance in utterances])
    for seed in range(arguments.seeds):
        parts = np.array(speaker_parts(utterances, seed))
        train: Bool[np.ndarray, " clip"] = parts == "train"
        test: Bool[np.ndarray, " clip"] = parts == "test"
        score = lda_balanced_accuracy(table[train], emotions[train].tolist(), table[test], emotions[test].tolist())
        print(f"split {seed}: balanced accuracy {score:.3f} on {test.sum()} clips, chance {1 / 7:.3f}")


if __name__ == "__main__":
    main()
