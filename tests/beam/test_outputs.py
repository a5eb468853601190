"""Counts and errors that travel beside the main output."""

from __future__ import annotations

import pytest

from zap import errors
from zap.beam.outputs import SumCounts, count, error, raise_first
from zap.errors import InputError, MappingError, MissingExtraError, ZapError


def test_counts_add_up_however_they_are_merged() -> None:
    total = SumCounts()
    counts = [{"a": 1}, {"b": 2, "a": 3}, {}, {"b": 5}]
    one = total.create_accumulator()
    for each in counts:
        one = total.add_input(one, each)
    parts = [total.add_input(total.create_accumulator(), each) for each in counts]
    expected = {"a": 4, "b": 7}
    assert total.extract_output(one) == expected
    assert total.extract_output(total.merge_accumulators(parts)) == expected


def test_counts_are_a_copy() -> None:
    counts = {"a": 1, "zero": 0}
    (tagged,) = count(counts)
    counts["a"] = 2
    assert tagged.value == {"a": 1, "zero": 0}


def test_errors_come_back_as_what_they_were() -> None:
    found = [error(InputError("b")).value, error(MappingError("c")).value]
    with pytest.raises(InputError, match=r"^b$"):
        raise_first(found)
    with pytest.raises(MappingError, match=r"^c$"):
        raise_first(found[1:])
    missing = MissingExtraError("orjson", "beam")
    with pytest.raises(MissingExtraError, match="pip install"):
        raise_first([error(missing).value])
    raise_first([])


def test_the_order_of_errors_does_not_decide() -> None:
    found = [("InputError", "b"), ("InputError", "a"), ("MappingError", "0")]
    for some in (found, found[::-1]):
        with pytest.raises(InputError, match=r"^a$"):
            raise_first(some)


def test_every_error_of_the_tree_can_travel() -> None:
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, ZapError):
            with pytest.raises(kind, match=r"^text$"):
                raise_first([(name, "text")])
