"""Names of predictions: a hash in base 32, by whole numbers of Python's own."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zap.scoring.ids import prediction_ids
from zap.serving.prediction_ids import DIGITS, is_prediction_id, time_us_of


def by_hand(application: str, version: str, subject: str, at_us: int) -> str:
    said = "\0".join([application, version, str(at_us), subject])
    hashed = hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=10)
    number = max(at_us // 1000, 0) * 2**80 + int.from_bytes(hashed.digest(), "big")
    found = ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        found = DIGITS[digit] + found
    return found


@given(st.lists(st.tuples(st.text(), st.integers(-5, 2**52)), max_size=9))
def test_each_name_is_the_hash_of_what_it_is_about(
    asked: list[tuple[str, int]],
) -> None:
    subjects, times = [s for s, _ in asked], np.array([t for _, t in asked], np.int64)
    found = prediction_ids("shop", "0f3a", subjects, times).to_pylist()
    assert found == [by_hand("shop", "0f3a", *each) for each in asked]
    for name, (_, at_us) in zip(found, asked, strict=True):
        assert is_prediction_id(name)
        assert time_us_of(name) == max(at_us // 1000, 0) * 1000


def test_a_name_that_was_once_given_stays() -> None:
    found = prediction_ids("shop", "v", ["s3"], np.array([1_769_817_600_000_000]))
    assert found.to_pylist() == ["01KG8NJW00P0AY1BK4DNJV93KM"]
