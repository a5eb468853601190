"""Texts of values, buckets of texts, and the load that the paper's figures imply."""

from __future__ import annotations

import math

import mmh3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.encoding.hashing import (
    HASH_SEED,
    bucket,
    canonical_text,
    expected_collisions,
    expected_sparsity,
    hashes_of,
)
from zap.errors import EncodingError

# Lone surrogates among them.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (np.False_, "false"),
        (3, "3"),
        (3.0, "3"),
        (np.float32(2), "2"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (2**53 + 1, "9007199254740992"),
        (1e300, "1e+300"),
        (10**400, "inf"),
        (" as it is\x00", " as it is\x00"),
    ],
)
def test_canonical_texts(value: object, text: str) -> None:
    assert canonical_text(value) == text


@given(st.integers(-(10**20), 10**20))
def test_an_integer_reads_as_the_float_that_a_column_holds(number: int) -> None:
    assert canonical_text(number) == canonical_text(float(number))


def test_other_values_are_refused() -> None:
    with pytest.raises(EncodingError, match=r"Received: value=\{\} of type dict"):
        canonical_text({})


def test_the_hash_is_unsigned() -> None:
    """Modulo of the signed value would land elsewhere for half of all strings."""
    signed = [mmh3.hash(f"page={i}", HASH_SEED) % 1000 for i in range(50)]
    unsigned = [
        mmh3.hash(f"page={i}", HASH_SEED, signed=False) % 1000 for i in range(50)
    ]
    assert [bucket("page", str(i), 1000) for i in range(50)] == unsigned != signed


@given(st.text(), st.text(), st.integers(1, 10**6))
def test_buckets_lie_in_range_and_are_those_of_algorithm_1(
    field: str, text: str, buckets: int
) -> None:
    found = bucket(field, text, buckets)
    data = f"{field}={text}".encode()
    assert found == mmh3.hash(data, HASH_SEED, signed=False) % buckets


def test_lone_surrogates_and_zero_bytes_have_buckets() -> None:
    texts = ["\ud800", "\udfff", "a\x00", "a"]
    assert len({bucket("page", text, 2**32) for text in texts}) == 4


@given(st.text(), st.lists(st.lists(ANY_TEXT)), st.integers(0, 2**32 - 1))
def test_many_texts_have_the_hashes_of_each(
    field: str, groups: list[list[str]], seed: int
) -> None:
    alone = [bucket(field, text, 2**32, seed) for group in groups for text in group]
    assert hashes_of(field, groups, seed) == alone


def test_the_papers_two_figures_are_one_load() -> None:
    """10 % collisions and 80 % sparsity, both at r = 0.22 (formulas.md)."""
    assert expected_collisions(2200, 10_000) == pytest.approx(0.10, abs=0.005)
    assert expected_sparsity(2200, 10_000) == pytest.approx(0.80, abs=0.005)
    assert expected_sparsity(2200, 10_000) == pytest.approx(math.exp(-0.22), abs=1e-4)
    assert expected_collisions(0, 10) == 0


def test_random_strings_collide_as_expected() -> None:
    found = [bucket("f", str(i), 1000) for i in range(500)]
    assert 1 - len(set(found)) / 500 == pytest.approx(
        expected_collisions(500, 1000), abs=0.03
    )
