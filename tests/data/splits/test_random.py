"""Clips at random: sizes and labels to the clip, recordings whole."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser_lightning.data.splits.random import Random
from ser_lightning.errors import UserError

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@pytest.mark.parametrize("stratify", [True, False])
@pytest.mark.parametrize(("size", "test", "val"), [(10, 2, 1), (11, 3, 1), (99, 20, 8), (2800, 560, 224)])
def test_sizes_are_rounded_up_and_val_is_cut_from_what_test_leaves(table, cut, size, test, val, stratify):
    clips = table([("s", "", "", EMOTIONS[number % 2]) for number in range(size)])
    made = cut(Random(stratify=stratify), clips)
    assert (test, val) == (math.ceil(size * 0.2), math.ceil((size - test) * 0.1))
    assert made.sizes() == (size - test - val, val, test)


def test_tess_is_2016_train_224_val_560_test_and_80_of_each_emotion(shaped, cut):
    made = cut(Random(), shaped["tess"])
    assert made.sizes() == (2016, 224, 560)
    assert made.count("label", part="test") == dict.fromkeys(EMOTIONS, 80)
    assert made.count("label", part="val") == dict.fromkeys(EMOTIONS, 32)
    assert made.of("speaker", "train") == made.of("speaker", "test") == {"OAF", "YAF"}


@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=5).filter(lambda sizes: sum(sizes) >= 20),
    seed=st.integers(0, 9),
    fraction=st.sampled_from([0.1, 0.2, 0.25, 0.3]),
)
def test_each_label_has_its_share_within_one_clip(table, cut, sizes, seed, fraction):
    rows = [("s", "", "", EMOTIONS[label]) for label, size in enumerate(sizes) for _ in range(size)]
    tested = cut(Random(seed=seed, test_fraction=fraction), table(rows)).count("label", part="test")
    assert tested.total() == math.ceil(round(sum(sizes) * fraction, 6))
    for label, size in enumerate(sizes):
        assert abs(tested[EMOTIONS[label]] - fraction * size) < 1


def test_without_strata_the_shares_are_left_to_chance(shaped, cut):
    splitters = [Random(seed=seed, stratify=False) for seed in range(5)]
    shares = {cut(splitter, shaped["tess"]).count("label", part="test")["sad"] for splitter in splitters}
    assert len(shares) > 1
    assert all(50 < share < 110 for share in shares)


def test_many_copies_of_one_recording_go_together_and_leave_the_size_of_the_part(table, cut):
    rows = [("s", "", "", "sad", "same" if number < 10 else "") for number in range(100)]
    sizes = Counter(cut(Random(seed=seed), table(rows)).sizes()[2] for seed in range(20))
    assert sizes == {20: 20}


def test_the_details_say_how_it_was_drawn(shaped):
    made = [Random(stratify=stratify).split(shaped["tess"]).details for stratify in (True, False)]
    assert made == ["stratified by label", "not stratified"]


@pytest.mark.parametrize(("size", "empty"), [(1, "train and val"), (2, "train")])
def test_too_few_clips_are_refused(table, size, empty):
    with pytest.raises(UserError, match=f"the split leaves no clip for {empty} \\({size} in all\\)"):
        Random().split(table([("s", "", "", "sad")] * size))
