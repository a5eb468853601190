"""Hashes of texts, and ids that repeat, against plain dictionaries."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.histories import repeats
from zap.histories.repeats import repeated_ids
from zap.histories.text_hash import text_hashes

TEXTS = st.text(max_size=20) | st.sampled_from(["a", "b", "\0", "a\0", "ü", ""])


def ids(column: pa.Array) -> list[int | None]:
    return repeated_ids(column).to_pylist()


@given(st.lists(TEXTS), st.integers(0, 3))
def test_equal_texts_have_equal_hashes_and_others_hardly_ever(
    texts: list[str], first: int
) -> None:
    hashes = text_hashes(pa.array(["x"] * first + texts, pa.string())[first:])
    assert len(set(hashes.tolist())) == len(set(texts))
    of_text = dict(zip(texts, hashes.tolist(), strict=True))
    assert [of_text[text] for text in texts] == hashes.tolist()


def test_a_million_ids_have_as_many_hashes() -> None:
    numbers = np.random.default_rng(0).permutation(1_000_000)
    texts = pa.array([f"e-{number:012d}" for number in numbers.tolist()])
    assert len(np.unique(text_hashes(texts))) == 1_000_000


@given(st.lists(TEXTS | st.none()))
def test_repeated_ids_are_told_apart_as_by_a_dictionary(texts: list) -> None:
    found = ids(pa.array(texts, pa.string()))
    for text, code in zip(texts, found, strict=True):
        again = [c for t, c in zip(texts, found, strict=True) if t == text]
        assert (code is None) == (text is None or len(again) == 1)
        assert len(set(again)) == 1
    given_codes = [code for code in found if code is not None]
    repeated = {text for text in texts if text is not None and texts.count(text) > 1}
    assert len(set(given_codes)) == len(repeated)


def test_ids_with_one_hash_are_still_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        repeats, "text_hashes", lambda texts: np.zeros(len(texts), np.uint64)
    )
    found = ids(pa.array(["a", "b", "a", None, "c"]))
    assert found[0] == found[2] and len({found[0], found[1], found[4]}) == 3
