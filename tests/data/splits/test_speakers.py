"""Speakers that share a recording, directly or through others, are one unit."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ser_lightning.data.speakers import tied


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40))
def test_ties_are_the_connected_components_by_a_slow_and_plain_search(pairs):
    """Against repeated merging of whole sets."""
    names, digests = [f"n{name:02}" for name, _ in pairs], [f"d{digest}" for _, digest in pairs]
    groups = [{name, digest} for name, digest in zip(names, digests, strict=True)]
    for _ in range(len(names)):
        for group in list(groups):
            touching = [other for other in groups if other & group]
            groups = [other for other in groups if not other & group] + [set().union(*touching)]
    least = {name: min(member for member in group if member[0] == "n") for group in groups for name in group}
    made = tied(pl.Series(names, dtype=pl.String), pl.Series(digests, dtype=pl.String))
    assert made.to_list() == [least[name] for name in names]
