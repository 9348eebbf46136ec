"""Several files read as one: a clip or a window is what it would be in all of them joined."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser_lightning.data.samples import GRAIN, Samples, map_samples, shard_path, shard_paths

TAIL = 12
"""Zeros at the end of each shard, as many as the longest window of these tests."""

shard_lengths = st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=5), min_size=1, max_size=4)


def clips_of(lengths: list[list[int]]) -> list[list[npt.NDArray[np.int16]]]:
    """Clips of these lengths, shard by shard, no two samples of which are the same."""
    ends = iter(np.cumsum([0, *(num for shard in lengths for num in shard)]).tolist())
    first = next(ends)
    made = []
    for shard in lengths:
        made.append([])
        for _ in shard:
            made[-1].append(np.arange(first + 1, (first := next(ends)) + 1, dtype=np.int16))
    return made


def laid_out(clips: list[list[npt.NDArray[np.int16]]]) -> tuple[Samples, npt.NDArray[np.int64]]:
    """The shards of these clips, and the address of each clip."""
    shards = [np.concatenate([*shard, np.zeros(TAIL, np.int16)]) for shard in clips]
    offset, address = [], 0
    for shard in clips:
        for clip in shard:
            offset.append(address)
            address += len(clip)
        address += TAIL
    return Samples(np.concatenate(shards)), np.array(offset)


@given(shard_lengths)
def test_a_clip_is_read_from_its_shard_without_a_copy(lengths: list[list[int]]):
    clips = clips_of(lengths)
    samples, offset = laid_out(clips)
    for first, clip in zip(offset.tolist(), (clip for shard in clips for clip in shard), strict=True):
        found = samples.read(first, len(clip))
        np.testing.assert_array_equal(found, clip)
        assert np.shares_memory(found, samples.flat)
    assert len(samples) == sum(map(sum, lengths)) + TAIL * len(lengths)


@given(shard_lengths, st.data(), st.integers(1, TAIL))
def test_windows_of_all_shards_are_those_taken_one_by_one(lengths: list[list[int]], data: st.DataObject, window: int):
    samples, offset = laid_out(clips_of(lengths))
    length = np.array([num for shard in lengths for num in shard])
    rows = np.array(data.draw(st.lists(st.integers(0, len(length) - 1), max_size=9)), np.int64)
    places = np.array([data.draw(st.integers(0, int(num) - 1)) for num in length[rows]], np.int64)
    start, size = offset[rows] + places, np.minimum(window, length[rows] - places)
    expected = np.zeros((len(rows), window), np.int16)
    for row, (first, num) in enumerate(zip(start, size, strict=True)):
        expected[row, :num] = samples.flat[first : first + num]
    out = np.full((len(rows), window), -1, np.int16)
    samples.gather(start, size, out)
    np.testing.assert_array_equal(out, expected)


def test_a_window_at_the_very_end_of_a_shard_reaches_into_its_zeros_and_not_into_the_next():
    samples, offset = laid_out(clips_of([[5, 3], [4], [2]]))
    last = offset[[1, 2, 3]] + [2, 3, 1]
    out = np.empty((3, TAIL), np.int16)
    samples.gather(last, np.full(3, TAIL), out)
    np.testing.assert_array_equal(out[:, 0], [8, 12, 14])
    assert not out[:, 1:].any()


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_of_a_window_only_its_own_samples_are_kept(kept: int):
    samples = Samples(np.arange(1, 9, dtype=np.int16))
    out = np.empty((1, 4), np.int16)
    samples.gather(np.array([2]), np.array([kept]), out)
    assert out.tolist() == [[3, 4, 5, 6][:kept] + [0] * (4 - kept)]


@pytest.mark.parametrize("num_shards", [1, 12])
def test_files_are_mapped_in_the_order_of_their_numbers_and_left_alone(tmp_path: Path, num_shards: int):
    shards = [np.full(GRAIN * (1 + number % 3), number + 1, "<i2") for number in range(num_shards)]
    for number, shard in enumerate(shards):
        shard.tofile(shard_path(tmp_path, number))
    samples, joined = map_samples(tmp_path, num_shards), np.concatenate(shards)
    np.testing.assert_array_equal(samples.flat, joined)
    assert [path.stat().st_size for path in shard_paths(tmp_path)] == [2 * len(shard) for shard in shards]
    assert not samples.flat.flags.writeable
    out = np.empty((2, 3), np.int16)
    samples.gather(np.array([0, len(samples) - 3]), np.array([3, 3]), out)
    assert out.tolist() == [[1] * 3, [num_shards] * 3]
    out[:] = 99
    np.testing.assert_array_equal(samples.flat, joined)


def num_mapped(folder: Path) -> int:
    """How many mappings this process has of a folder's files."""
    return Path("/proc/self/maps").read_text().count(str(folder))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is mapped is told by Linux")
def test_files_stay_mapped_as_long_as_anything_of_them_is_in_use(tmp_path: Path):
    for number in range(3):
        np.full(GRAIN, number, "<i2").tofile(shard_path(tmp_path, number))
    clip = map_samples(tmp_path, 3).read(2 * GRAIN, 5)
    gc.collect()
    assert num_mapped(tmp_path) == 3
    assert clip.tolist() == [2] * 5
    del clip
    gc.collect()
    assert num_mapped(tmp_path) == 0


def test_a_shard_that_is_missing_is_no_store(tmp_path: Path):
    np.zeros(GRAIN, "<i2").tofile(shard_path(tmp_path, 0))
    with pytest.raises(FileNotFoundError, match="samples-00001"):
        map_samples(tmp_path, 2)
