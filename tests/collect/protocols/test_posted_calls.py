"""Batches whose parts are found by looking once, beside those looked at closely."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zap.collect.protocol import Unaccepted
from zap.collect.protocols.posted_calls import any_envelope, read_envelope

READ = ("writeKey", "sentAt", "context", "integrations")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def values(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | scalars | WORDS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)
        ),
        max_leaves=8,
    )


VALUES = values(st.integers() | st.floats())
SOUND = values(st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9))
NAMES = st.sampled_from(["batch", *READ, "batch\\u0000", "other"]) | WORDS
BATCHES = st.dictionaries(NAMES, VALUES | st.lists(VALUES), max_size=6)


def found(read: Any, text: bytes) -> Any:
    """What is read of a batch, or that it is refused, and why."""
    try:
        about, calls = read(text)
    except Unaccepted as why:
        return why.fate, str(why)
    return [about.get(name) for name in READ], [bytes(call) for call in calls]


@given(BATCHES, st.booleans(), st.integers(0, 300), st.binary(max_size=4))
@example({"batch": [], "other": "\u00e9"}, False, 26, b"\xff")  # no UTF-8, and unread
@example({"batch": [1], "sentAt": "now"}, True, 9, b"1e999,")
@example({"batch": [1], "context": "now"}, True, 9, b'1],"batch":5,"batch":[2')
def test_looking_once_finds_what_looking_closely_does(
    batch: dict[str, Any], plain: bool, at: int, changed: bytes
) -> None:
    text = json.dumps(batch, ensure_ascii=plain).encode()
    assert found(read_envelope, text) == found(any_envelope, text)
    damaged = text[:at] + changed + text[at + len(changed) :]
    assert found(read_envelope, damaged) == found(any_envelope, damaged)


@given(st.lists(SOUND, max_size=5), SOUND, st.sampled_from(READ))
def test_what_is_found_is_what_the_batch_says(
    calls: list[Any], value: Any, name: str
) -> None:
    about, texts = read_envelope(json.dumps({name: value, "batch": calls}).encode())
    assert [json.loads(bytes(each)) for each in texts] == calls
    assert about == {**dict.fromkeys(READ), name: value}


def test_many_calls_are_refused_either_way() -> None:
    with pytest.raises(Unaccepted, match="10000"):
        read_envelope(b'{"batch":[' + b"1," * 10_000 + b"1]}")
