"""How often a nominal 95 % interval holds the truth: over speakers as in metrics.json, plain, and over clips.

    python benchmarks/interval_coverage.py

Tests are drawn as RAVDESS has them: 60 clips a speaker, 8 classes (4 neutral clips, 8 of each other). Some classes are
easier, each speaker is more or less clear, and has confusions of its own. The truth is the score of endlessly many
speakers like these, by 200,000 of them. An interval is good that holds it in 95 % of the simulations; those over clips
take the clips of a speaker for as many speakers. The last table does the same for the calibration error, which chance
makes larger than it is, for a model that is too sure, and for one whose true error is small beside what chance makes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from ser_lightning.evaluation.intervals import LEVEL, interval, resample_weights
from ser_lightning.evaluation.scores import accuracy, balanced_accuracy, expected_calibration_error
from ser_lightning.evaluation.tallies import NUM_BINS, confidence_bin

SPEAKERS = (12, 24, 91)
CLIPS = np.array([4, 8, 8, 8, 8, 8, 8, 8])
EASE = np.linspace(1.0, 3.0, len(CLIPS))
"""The logit of the right class before a speaker's own effects."""
CLARITY, CONFUSION = 0.7, 0.7
"""Standard deviations of a speaker's effects: on all right classes alike, and on every cell."""
SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "balanced accuracy": balanced_accuracy,
    "accuracy": accuracy,
}
SURENESS = {"too sure": 0.5, "nearly calibrated": 1.0}
"""By what the log odds of being right are those of the confidence."""

Array = Float[np.ndarray, "..."]


def chances(num_speakers: int, rng: np.random.Generator) -> Float[np.ndarray, "speaker class class"]:
    """The probability of each prediction by the truth, of each speaker."""
    num = len(CLIPS)
    logits = rng.normal(0, CONFUSION, (num_speakers, num, num))
    logits += (EASE + rng.normal(0, CLARITY, (num_speakers, 1)))[:, :, None] * np.eye(num)
    p = np.exp(logits)
    return np.asarray(p / p.sum(axis=-1, keepdims=True))


def true_confusion(rng: np.random.Generator) -> Float[np.ndarray, "class class"]:
    """The clips that a speaker has in each cell on average."""
    means = [chances(10_000, rng).mean(axis=0) for _ in range(20)]
    return np.asarray(np.mean(means, axis=0) * CLIPS[:, None])


def plain(resampled: Float[np.ndarray, " resample"]) -> tuple[float, float]:
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def one_test(
    num_speakers: int, weights: Float[np.ndarray, "resample speaker"], truth: dict[str, float], rng: np.random.Generator
) -> dict[str, list[bool]]:
    """Whether each kind of interval holds the truth, by score."""
    confusion = rng.multinomial(CLIPS, chances(num_speakers, rng)).astype(np.float64)
    total = confusion.sum(axis=0)
    by_speaker = np.tensordot(weights, confusion, axes=1)
    by_clip = rng.multinomial(int(total.sum()), (total / total.sum()).ravel(), len(weights)).reshape(-1, *total.shape)
    held = {}
    for name, score in SCORES.items():
        resampled = score(by_speaker)
        around = (interval(resampled, float(score(total)), num_speakers), plain(resampled), plain(score(by_clip)))
        held[name] = [low <= truth[name] <= high for low, high in around]
    return held


def report_scores(num_simulations: int, rng: np.random.Generator) -> None:
    """The table of the kinds of intervals."""
    truth = {name: float(score(true_confusion(rng))) for name, score in SCORES.items()}
    own = balanced_accuracy(chances(10_000, rng)).std()
    print(f"truth: {', '.join(f'{name} {value:.3f}' for name, value in truth.items())}; ", end="")
    print(f"standard deviation of a speaker's own balanced accuracy: {own:.3f}\n")
    print("| speakers | score | over speakers, expanded | over speakers, plain percentiles | over clips |")
    print("|---|---|---|---|---|")
    for num_speakers in SPEAKERS:
        weights = resample_weights(num_speakers).astype(np.float64)
        tests = [one_test(num_speakers, weights, truth, rng) for _ in range(num_simulations)]
        for name in SCORES:
            shares = np.mean([held[name] for held in tests], axis=0)
            print(f"| {num_speakers} | {name} | {' | '.join(f'{100 * share:.1f} %' for share in shares)} |")


def sure_bins(num_speakers: int, sureness: float, rng: np.random.Generator) -> Float[np.ndarray, "speaker bin 3"]:
    """The bins of confidence of speakers, each of whom is more or less clear than the model takes it for."""
    confidence = 1 / 8 + 7 / 8 * rng.beta(2, 1.2, (num_speakers, CLIPS.sum()))
    odds = sureness * np.log(confidence / (1 - confidence)) + rng.normal(0, CLARITY, (num_speakers, 1))
    right = rng.random(confidence.shape) < 1 / (1 + np.exp(-odds))
    cell = (np.arange(num_speakers)[:, None] * NUM_BINS + confidence_bin(confidence)).ravel()
    columns = (np.ones(cell.shape), confidence.ravel(), right.ravel())
    bins = np.stack([np.bincount(cell, of_clips, num_speakers * NUM_BINS) for of_clips in columns], axis=-1)
    return bins.reshape(num_speakers, NUM_BINS, 3)


def report_calibration(num_simulations: int, rng: np.random.Generator) -> None:
    """The table of the calibration error."""
    print("| model | true ECE | speakers | mean estimate | over speakers, expanded | over speakers, plain |")
    print("|---|---|---|---|---|---|")
    for name, sureness in SURENESS.items():
        many = sum(sure_bins(10_000, sureness, rng).sum(axis=0) for _ in range(20))
        truth = float(expected_calibration_error(np.asarray(many)))
        for num_speakers in SPEAKERS:
            weights = resample_weights(num_speakers).astype(np.float64)
            found = np.array([one_error(num_speakers, weights, sureness, truth, rng) for _ in range(num_simulations)])
            mean, ours, plainly = found.mean(axis=0)
            held = f"{mean:.3f} | {100 * ours:.1f} % | {100 * plainly:.1f} %"
            print(f"| {name} | {truth:.3f} | {num_speakers} | {held} |")


def one_error(
    num_speakers: int,
    weights: Float[np.ndarray, "resample speaker"],
    sureness: float,
    truth: float,
    rng: np.random.Generator,
) -> tuple[float, bool, bool]:
    """The calibration error of one test, and whether each kind of interval holds the truth."""
    bins = sure_bins(num_speakers, sureness, rng)
    estimate = float(expected_calibration_error(bins.sum(axis=0)))
    resampled = expected_calibration_error(np.tensordot(weights, bins, axes=1))
    (low, high), (plain_low, plain_high) = interval(resampled, estimate, num_speakers), plain(resampled)
    return estimate, low <= truth <= high, plain_low <= truth <= plain_high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start, rng = time.process_time(), np.random.default_rng(arguments.seed)
    print(f"{arguments.simulations} simulations, 2,000 resamples each, seed {arguments.seed}\n")
    report_scores(arguments.simulations, rng)
    print()
    report_calibration(arguments.simulations // 4, rng)
    print(f"\n{time.process_time() - start:.0f} s of processor time")


if __name__ == "__main__":
    main()
