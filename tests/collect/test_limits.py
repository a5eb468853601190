"""Depth and size of what clients send, against plain loops."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.collect.app.rates import Bucket, EventRate
from zap.collect.inflate import inflate
from zap.collect.nesting import openings, too_deep
from zap.collect.protocol import Fate, Unaccepted

TEXTS = st.text(alphabet='[]{}"\\ab:,é', max_size=12)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=40,
)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(VALUES, st.booleans())
def test_depth_is_that_of_a_walk(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    for most in range(6):
        assert too_deep(text, most) == (depth_of(value) > most)


@given(st.binary() | st.text(alphabet="[]{}a").map(str.encode))
def test_openings_are_the_brackets_of_a_text(text: bytes) -> None:
    assert openings(text) == sum(byte in b"[{" for byte in text)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(0, 900))
def test_what_is_inflated_is_what_was_packed(parts: list[bytes], most: int) -> None:
    packed, plain = b"".join(map(gzip.compress, parts)), b"".join(parts)
    if len(plain) <= most:
        assert inflate(packed, most) == plain
    else:
        with pytest.raises(Unaccepted) as raised:
            inflate(packed, most)
        assert raised.value.fate is Fate.TOO_LARGE


@given(st.binary(min_size=1, max_size=200), st.data())
def test_what_is_cut_off_is_not_taken(content: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(content)
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(Unaccepted) as raised:
        inflate(packed[:cut], 1_000)
    assert raised.value.fate is Fate.MALFORMED


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30)), max_size=40))
def test_a_rate_lets_in_what_a_plain_count_does(asked: list[tuple[int, int]]) -> None:
    """Waits of whole seconds and batches, beside a bucket that is filled by steps."""
    now = [0.0]
    bucket = Bucket(EventRate(2.0, 20), lambda: now[0])
    level = 20
    for wait_s, events in asked:
        for _ in range(wait_s):
            now[0] += 1
            level = min(20, level + 2)
        waits_s = bucket.take(events)
        assert (waits_s == 0) == (level >= 1)
        if waits_s == 0:
            level -= events
        else:
            assert waits_s == (1 - level) / 2
