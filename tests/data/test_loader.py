"""What is made ahead is what would have been made anyway, errors and leaving early included."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ser_lightning.data.loader import ahead


def test_items_keep_their_order_and_none_is_lost():
    assert list(ahead(iter(range(50)))) == list(range(50))
    assert list(ahead(iter([]))) == []
    assert list(ahead(iter([None, None]))) == [None, None]


def test_an_item_is_made_while_the_one_before_it_is_used_and_no_sooner():
    made: list[int] = []
    two = threading.Event()

    def items() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            if number == 1:
                two.set()
            yield number

    coming = ahead(items())
    assert next(coming) == 0
    assert two.wait(timeout=60), "the second is made though only the first was asked for"
    assert made == [0, 1]
    coming.close()


def test_an_error_comes_where_its_item_would_have():
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    coming = ahead(items())
    assert next(coming) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(coming)


def test_leaving_early_ends_the_thread():
    coming = ahead(iter(range(10**9)))
    next(coming)
    coming.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]
