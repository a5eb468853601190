"""Changes along dotted paths, judged by plain loops."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.collect.checks.paths import GONE, changed, path_of
from zap.errors import CollectError

keys = st.sampled_from(["a", "b", "c.d", "e/f"])
leaves = st.none() | st.integers() | st.text(max_size=3)
trees = st.dictionaries(
    keys,
    st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
        ),
        max_leaves=12,
    ),
    max_size=4,
)


def taken_out(value: Any, parts: tuple[str, ...]) -> Any:
    """The same by a loop that changes a copy in place."""
    if isinstance(value, list):
        for each in value:
            taken_out(each, parts)
    elif isinstance(value, dict) and parts[0] in value:
        if len(parts) == 1:
            del value[parts[0]]
        else:
            taken_out(value[parts[0]], parts[1:])
    return value


@given(trees, st.lists(keys, min_size=1, max_size=3).map(tuple))
def test_a_place_is_taken_out_of_a_copy(tree: Any, parts: tuple[str, ...]) -> None:
    before = copy.deepcopy(tree)
    new = changed(tree, parts, lambda value: GONE)
    assert tree == before, "the given one is left alone"
    assert new == taken_out(copy.deepcopy(tree), parts)
    if new == before:
        assert new is tree, "nothing is copied for nothing"


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4))
def test_any_key_can_be_quoted(parts: list[str]) -> None:
    if not any('"' in part for part in parts) and parts[0] != "type":
        text = ".".join(f'"{part}"' for part in parts)
        assert path_of(text, "drop").parts == tuple(parts)


@pytest.mark.parametrize(
    "text",
    [
        *["", ".", "a.", ".a", "a..b", "*", "*.", "*.a.b", "a.*", 'a."b', 'a"b"'],
        *["event_id", "timestamp", "received_at", "type", "source", "*.event_id"],
    ],
)
def test_a_path_that_can_not_be_is_refused(text: str) -> None:
    with pytest.raises(CollectError, match="Received: hash="):
        path_of(text, "hash")
