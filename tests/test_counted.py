"""Counted draws are SplitMix64's, uniform, independent, and a function of (seed, epoch, clip, draw) alone."""

from __future__ import annotations

import zlib
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
import torch

from ser_lightning import counted
from ser_lightning.counted import Key, step_seed, uniform, uniform_between

MANY = 100_000
CLIPS = torch.arange(MANY)


def splitmix64(state: int) -> int:
    """The published generator (Steele, Lea & Flood 2014; Vigna's C reference) in Python's unbounded integers."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


def expected_uniform(seed: int, epoch: int, clip: int, draw: str) -> float:
    stream = splitmix64(splitmix64(splitmix64(seed % 2**64) ^ epoch) ^ zlib.crc32(draw.encode()))
    return (splitmix64(splitmix64(clip % 2**64 ^ stream)) >> 40) / 2**24


def test_known_answers_of_the_reference():
    # Seed 1234567: Vigna's splitmix64.c, as listed by Rosetta Code, "Pseudo-random numbers/Splitmix64".
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    state = torch.tensor([1234567]) + counted.GAMMA * torch.arange(5)
    assert [value % 2**64 for value in counted._mix(state).tolist()] == published
    assert [splitmix64(1234567 + k * 0x9E3779B97F4A7C15) for k in range(5)] == published


@pytest.mark.parametrize("seed", [0, 1, -1, 2**31, 2**63, 2**64 - 1])
@pytest.mark.parametrize("epoch", [0, 7])
def test_uniform_is_the_documented_function(seed, epoch):
    clip = torch.tensor([0, 1, 12_161, 2**40])
    expected = [expected_uniform(seed, epoch, c, "gain") for c in clip.tolist()]
    assert uniform(Key(seed, epoch, clip), "gain").tolist() == expected


def test_draws_are_float32_in_the_half_open_unit_interval():
    drawn = uniform(Key(0, 0, CLIPS), "x")
    assert drawn.dtype == torch.float32
    assert 0.0 <= drawn.min() < 1e-4
    assert 1 - 1e-4 < drawn.max() < 1.0


@pytest.mark.parametrize(("seed", "epoch", "draw"), [(0, 0, "shift"), (1, 5, "gain"), (99, 1000, "noise")])
def test_draws_are_uniform(seed, epoch, draw):
    drawn = uniform(Key(seed, epoch, CLIPS), draw).double().numpy()
    # Four standard errors: of the mean sqrt(1/12/n), of the variance sqrt(1/180/n).
    assert drawn.mean() == pytest.approx(0.5, abs=4 * (1 / 12 / MANY) ** 0.5)
    assert drawn.var() == pytest.approx(1 / 12, abs=4 * (1 / 180 / MANY) ** 0.5)
    assert scipy.stats.kstest(drawn, "uniform").pvalue > 0.001


def test_draws_of_other_names_epochs_seeds_and_clips_are_uncorrelated():
    draws = {
        "base": uniform(Key(0, 0, CLIPS), "gain"),
        "other name": uniform(Key(0, 0, CLIPS), "noise"),
        "nearly the same name": uniform(Key(0, 0, CLIPS), "mel 0 first"),
        "and again": uniform(Key(0, 0, CLIPS), "mel 0 width"),
        "next epoch": uniform(Key(0, 1, CLIPS), "gain"),
        "next seed": uniform(Key(1, 0, CLIPS), "gain"),
        "next clip": uniform(Key(0, 0, CLIPS + 1), "gain"),
    }
    correlation = np.corrcoef(torch.stack(list(draws.values())).double().numpy())
    np.testing.assert_allclose(correlation, np.eye(len(draws)), atol=4 / MANY**0.5)


def test_swapping_seed_and_epoch_gives_other_draws():
    first, second = uniform(Key(3, 4, CLIPS[:100]), "gain"), uniform(Key(4, 3, CLIPS[:100]), "gain")
    assert (first != second).all()


def test_a_clip_draws_the_same_in_any_batch_and_order():
    whole = uniform(Key(5, 2, CLIPS[:1000]), "gain")
    order = torch.randperm(1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(uniform(Key(5, 2, order), "gain"), whole[order])
    one_by_one = torch.cat([uniform(Key(5, 2, clip[None]), "gain") for clip in CLIPS[:50]])
    assert torch.equal(one_by_one, whole[:50])


def test_the_global_generator_neither_matters_nor_moves():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = uniform(Key(0, 0, CLIPS[:10]), "gain")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(uniform(Key(0, 0, CLIPS[:10]), "gain"), first)


def test_an_empty_batch_draws_nothing():
    assert uniform(Key(0, 0, CLIPS[:0]), "gain").shape == (0,)


def test_uniform_between_stretches_the_same_draws():
    key = Key(0, 0, CLIPS[:1000])
    drawn = uniform_between(key, "gain", -6.0, 6.0)
    assert torch.equal(drawn, -6.0 + 12.0 * uniform(key, "gain"))
    assert -6.0 <= drawn.min() < -5.9
    assert 5.9 < drawn.max() <= 6.0
    assert torch.equal(uniform_between(key, "gain", 3.0, 3.0), torch.full((1000,), 3.0))


def test_step_seeds_differ_by_seed_step_and_rank_and_suit_torch():
    seeds = [step_seed(seed, step, rank) for seed in range(5) for step in range(20) for rank in range(5)]
    assert len(set(seeds)) == 500
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert step_seed(3, 7, 1) == splitmix64(splitmix64(splitmix64(3) ^ 7) ^ 1) % 2**63
    first = [torch.rand(1, generator=torch.Generator().manual_seed(seed)).item() for seed in seeds[:6]]
    assert all(left != right for left, right in pairwise(first))
