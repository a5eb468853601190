"""What single values give, held to the functions that define it, within the bounds."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.encoding.features import Hash, OneHot
from zap.encoding.hashing import bucket, canonical_text
from zap.encoding.known_values import KnownBuckets, KnownShares
from zap.encoding.scalars import scalar_of
from zap.errors import EncodingError

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=3)
VALUES = st.one_of(
    st.none(),
    ANY_TEXT,
    st.floats(allow_nan=False),
    st.lists(ANY_TEXT, max_size=4).map(tuple),
    st.just("x" * 500),
)


def expected(value: Any, most: int) -> list[int]:
    if value is None:
        return []
    strings = value[:most] if isinstance(value, tuple) else (canonical_text(value),)
    return [bucket("page", text, 11, 5) for text in strings]


@given(st.lists(VALUES), st.integers(1, 3))
def test_values_give_the_buckets_of_their_strings(values: list[Any], most: int) -> None:
    known = KnownBuckets(Hash("page", limit=most), 11, 5)
    for _ in range(2):  # made, then remembered
        found = known.column(values)
        assert [list(each) for each in found] == [expected(v, most) for v in values]


@pytest.mark.parametrize("value", [(1,), ("x", 1), ("x", None)])
def test_lists_of_other_things_are_refused(value: Any) -> None:
    known = KnownBuckets(Hash("page"), 11, 5)
    for _ in range(2):
        with pytest.raises(EncodingError, match="texts"):
            known.column([value])


def test_few_and_short_values_are_remembered() -> None:
    one_hot = scalar_of(OneHot("page", values=["5"]), start=3)
    for known in (KnownBuckets(Hash("page"), 11, 5), KnownShares(one_hot)):
        first = known.column(["5"])
        for start in range(0, 9000, 100):
            known.column([str(start + number) for number in range(100)])
            assert len(known) <= 2048
        assert known.column(["5"]) == first
        known.clear()
        known.column(["x" * 500, ("x" * 500,), ("",) * 500])
        assert "x" * 500 not in known
        assert ("x" * 500,) not in known
        assert ("",) * 500 not in known


def test_threads_find_what_others_forget() -> None:
    known = KnownBuckets(Hash("page"), 11, 5)
    wrong = []

    def work(first: int) -> None:
        for start in range(first, first + 20_000, 500):
            values = [None, *map(str, range(start, start + 500))]
            if list(map(list, known.column(values))) != [
                expected(value, 1) for value in values
            ]:
                wrong.append(start)

    threads = [threading.Thread(target=work, args=(n * 7,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
