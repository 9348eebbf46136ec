"""The pairs that are worth a look are found: all of them among few clips, almost all among many."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from ser_lightning.data import candidates as module
from ser_lightning.data.candidates import agreement, alike_pairs, axes_for, candidates, pieces, tables_for

FEATURES = 256
Vectors = npt.NDArray[np.float32]


def units(num: int, seed: int = 0, *, shared: float = 0.03) -> Vectors:
    """Unit vectors whose inner products are as those of real clips: 0.03 on average, 0.07 apart."""
    vectors = np.random.default_rng(seed).standard_normal((num, FEATURES), np.float32) / np.float32(16)
    vectors[:, 0] += math.sqrt(shared)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def at(vectors: Vectors, alike: npt.ArrayLike, seed: int = 1) -> Vectors:
    """For each vector another at exactly this inner product."""
    alike = np.broadcast_to(np.asarray(alike, np.float32), len(vectors))[:, None]
    away = units(len(vectors), seed, shared=0)
    away -= (away * vectors).sum(axis=1, keepdims=True) * vectors
    return alike * vectors + np.sqrt(1 - alike**2) * away / np.linalg.norm(away, axis=1, keepdims=True)


def planted(num: int, num_pairs: int, alike: npt.ArrayLike) -> tuple[Vectors, list[list[int]]]:
    """`num` prints in any order, of which `num_pairs` disjoint pairs are at the inner product; and these pairs."""
    vectors = units(num)
    vectors[num_pairs : 2 * num_pairs] = at(vectors[:num_pairs], alike)
    place = np.random.default_rng(2).permutation(num)
    shuffled = np.empty_like(vectors)
    shuffled[place] = vectors
    pairs = np.sort(np.stack([place[:num_pairs], place[num_pairs : 2 * num_pairs]], axis=1), axis=1)
    return shuffled, sorted(pairs.tolist())


@pytest.fixture
def only_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT", 0)


def test_candidates_of_few_are_all_pairs_above_the_threshold_however_they_are_blocked(monkeypatch: pytest.MonkeyPatch):
    vectors = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    monkeypatch.setattr(module, "MOST_ALIKE", 60)
    alike = vectors @ vectors.T
    expected = [[a, b] for a in range(60) for b in range(a + 1, 60) if alike[a, b] > module.ALIKE]
    assert len(expected) > 100
    for block in (2**24, 500, 1):
        monkeypatch.setattr(module, "BLOCK", block)
        assert candidates(vectors).tolist() == expected


def test_of_many_alike_the_nearest_later_ones_are_candidates():
    angles = np.array([0.0, *np.linspace(0.3, 0.01, 30)], np.float32)
    pairs = candidates(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert pairs[pairs[:, 0] == 0, 1].tolist() == list(range(15, 31))
    assert np.bincount(pairs[:, 0]).max() == module.MOST_ALIKE == 16


@pytest.mark.parametrize("alike", [0.7, 0.8, 0.9, 0.97])
def test_of_many_clips_as_many_pairs_are_found_as_the_number_of_tables_says(alike: float):
    """1 - (1 - p^2)^L of them, less four standard deviations of a count; at least 99 % at 0.7, and all from 0.9."""
    prints, pairs = planted(20_000, 4_000, alike)
    found = candidates(prints).tolist()
    assert [pair for pair in found if pair not in pairs] == []
    num_axes = axes_for(20_000)
    recall = 1 - (1 - agreement(num_axes, alike) ** 2) ** tables_for(num_axes)
    assert recall >= module.RECALL
    assert len(found) >= math.floor(4_000 * recall - 4 * math.sqrt(4_000 * recall * (1 - recall)))
    if alike >= 0.9:
        assert found == pairs


@pytest.mark.parametrize("num", [17_000, 10**6, 10**7])
def test_cells_hold_256_clips_and_tables_suffice_for_99_percent_at_0_7(num: int):
    num_axes = axes_for(num)
    assert num / (2 * num_axes) ** 2 <= 256 <= num / (2 * num_axes - 2) ** 2
    missed = 1 - agreement(num_axes, 0.7) ** 2
    assert missed ** tables_for(num_axes) <= 0.01 < missed ** (tables_for(num_axes) - 1)


@pytest.mark.parametrize("num_axes", [2, 10, 60])
@pytest.mark.parametrize("alike", [0.7, 0.97])
def test_pairs_share_a_cell_as_often_as_two_rotations_agree(num_axes: int, alike: float):
    one = units(8_000)
    axes = np.linalg.qr(np.random.default_rng(5).standard_normal((FEATURES, 2 * num_axes)))[0].astype(np.float32)
    together = float(np.mean(module.cells(one, axes) == module.cells(at(one, alike), axes)))
    assert together == pytest.approx(agreement(num_axes, alike) ** 2, abs=0.025)


@pytest.mark.usefixtures("only_cells")
def test_cells_find_what_the_product_of_all_finds_of_copies_as_alike_as_real_ones(monkeypatch: pytest.MonkeyPatch):
    """0.87 is what all but one of 1,000 real copies reach, even at -30 dB; two copies of one clip may be less alike."""
    originals = units(800)
    copies = [at(originals, np.random.default_rng(seed).uniform(0.87, 1, 800), seed) for seed in (8, 9)]
    prints = np.concatenate([originals, *copies, units(4_000, 7)])
    found = {tuple(pair) for pair in candidates(prints).tolist()}
    monkeypatch.setattr(module, "EXACT", len(prints))
    exact = {tuple(pair) for pair in candidates(prints).tolist()}
    assert len(exact) == 3 * 800
    assert found <= exact
    assert {(row, 800 * copy + row) for row in range(800) for copy in (1, 2)} <= found
    assert len(exact - found) <= 0.01 * 800


@pytest.mark.usefixtures("only_cells")
def test_the_order_of_the_clips_only_names_them():
    prints, pairs = planted(5_000, 1_500, np.linspace(0.65, 1, 1_500))
    order = np.random.default_rng(4).permutation(len(prints))
    found = candidates(prints).tolist()
    again = np.sort(order[candidates(prints[order])], axis=1).tolist()
    assert len(found) > 0.95 * len(pairs)
    assert sorted(again) == found


def chained(pairs: npt.NDArray[np.int64], clips: Sequence[int]) -> bool:
    """Whether each of the clips but the last is paired with a later one of them, so that all are linked."""
    inside = pairs[np.isin(pairs, clips).all(axis=1)]
    return set(inside[:, 0].tolist()) == set(clips[:-1])


@pytest.mark.usefixtures("only_cells")
@pytest.mark.parametrize("spread", [0.0, 0.2], ids=["identical", "alike"])
def test_of_thousands_of_copies_each_is_tried_with_16_later_ones_and_others_are_still_found(spread: float):
    """`pieces` must cut their cell, and 3,000 * 2,999 / 2 pairs would be the square."""
    prints, pairs = planted(5_000, 500, 0.97)
    in_pairs = {row for pair in pairs for row in pair}
    copies = [row for row in range(5_000) if row not in in_pairs][:3_000]
    prints[copies] = at(np.repeat(units(1, 9), 3_000, axis=0), np.float32(math.sqrt(1 - spread**2)), 10)
    found = candidates(prints)
    assert chained(found, copies)
    ones = found[~np.isin(found, copies).any(axis=1)]
    assert ones.tolist() == pairs
    counts = np.bincount(found[:, 0])
    assert counts.max() == 16
    assert (counts[copies[:-256]] == 16).mean() > 0.99


@pytest.mark.usefixtures("only_cells")
def test_clips_without_a_sound_are_alike_to_nothing():
    prints, pairs = planted(3_000, 300, 0.97)
    silent = np.zeros((2_000, FEATURES), np.float32)
    assert candidates(silent).shape == candidates(silent[:0]).shape == (0, 2)
    assert candidates(np.concatenate([silent, prints])).tolist() == [[2_000 + a, 2_000 + b] for a, b in pairs]


def test_clips_without_a_sound_are_no_reason_not_to_compare_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "EXACT", 300)
    prints = np.concatenate([np.zeros((500, FEATURES), np.float32), units(300)])
    (groups,) = module.tables(prints)
    assert [rows.tolist() for rows in groups] == [list(range(500, 800))]
    assert len(list(module.tables(units(301)))) == tables_for(axes_for(301)) > 1


@pytest.mark.parametrize("num", [0, 1, 512, 513, 768, 769, 5_000])
def test_in_pieces_all_meet_that_are_at_most_256_apart(num: int):
    cut = list(pieces(np.arange(num)))
    assert max(len(piece) for piece in cut) == min(num, 512)
    assert np.unique(np.concatenate(cut)).tolist() == list(range(num))
    for first in range(0, num - 256, 64):
        assert any({first, first + 256} <= set(piece.tolist()) for piece in cut)


def test_pairs_of_some_rows_bear_the_numbers_of_all():
    prints, pairs = planted(400, 50, 0.9)
    a, b, alike = alike_pairs(prints, np.array([row for row in range(400) if row not in pairs[0]]))
    assert np.stack([a, b], axis=1).tolist() == pairs[1:]
    np.testing.assert_allclose(alike, 0.9, atol=1e-5)
