"""Typed cells: what fits, what fails, and that neighbours never matter."""

from decimal import Context, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.events.cells import Converted, to_bool, to_float, to_int, to_text

TEXTS = ["3", " 3 ", "-7", "3.0", "13047.00", "1e3", "2.5", "x", "", None, "inf", "nan"]
TEXTS += ["99999999999999999999", "true", "No", "1", "0", "\u0661"]


def reasons(converted: Converted, size: int) -> list[str | None]:
    found: list[str | None] = [None] * size
    for failure in reversed(converted.failures):
        for place in np.flatnonzero(failure.mask):
            found[place] = failure.reason
    return found


@pytest.mark.parametrize("convert", [to_int, to_float, to_bool])
@given(st.lists(st.sampled_from(TEXTS), max_size=20))
def test_a_cell_is_the_same_alone_and_among_others(convert, cells) -> None:
    whole = convert(pa.array(cells, pa.string()))
    alone = [convert(pa.array([cell], pa.string())) for cell in cells]
    assert whole.values.to_pylist() == [c.values[0].as_py() for c in alone]
    assert reasons(whole, len(cells)) == [reasons(c, 1)[0] for c in alone]


@pytest.mark.parametrize(
    ("text", "whole", "number"),
    [
        ("3", 3, 3.0),
        (" 3 ", 3, 3.0),
        ("13047.00", 13047, 13047.0),
        ("1e3", 1000, 1000.0),
        ("2.5", "not_int", 2.5),
        ("x", "not_int", "not_float"),
        ("1,5", "not_int", "not_float"),
        ("inf", "not_int", "not_finite"),
        ("nan", "not_int", None),
        (None, None, None),
    ],
)
def test_numbers_as_texts(text: str, whole: object, number: object) -> None:
    cell = pa.array([text], pa.string())
    for convert, expected in ((to_int, whole), (to_float, number)):
        found = convert(cell)
        assert (found.values[0].as_py() or reasons(found, 1)[0]) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pa.array(["TRUE", "f", "yes", "0", None]), [True, False, True, False, None]),
        (pa.array([1, 0]), [True, False]),
        (pa.array([1.0, None]), [True, None]),
        (pa.array(["ja", "2"]), ["not_bool", "not_bool"]),
    ],
)
def test_truth_values(cells: pa.Array, expected: list[object]) -> None:
    found = to_bool(cells)
    failed = reasons(found, len(cells))
    values = found.values.to_pylist()
    assert [f or v for f, v in zip(failed, values, strict=True)] == expected


@given(
    st.lists(
        st.none() | st.decimals("-1e12", "1e12", places=9, allow_nan=False), max_size=20
    )
)
def test_texts_of_decimals_are_those_of_their_values(values: list) -> None:
    texts = to_text(pa.array(values, pa.decimal128(38, 9)), "n").values.to_pylist()
    for value, text in zip(values, texts, strict=True):
        assert (text is None) == (value is None)
        if value is not None:
            assert Decimal(text) == value
            assert "E" in text or not ("." in text and text.endswith(("0", ".")))
            assert int(value) != value or text in (str(int(value)), "0", "-0", "0E-9")


@given(
    st.integers(-(2**64), 2**64), st.integers(-19, 3), st.sampled_from(["text", "type"])
)
def test_whole_numbers_have_all_their_digits_however_they_are_written(
    digits: int, power: int, kind: str
) -> None:
    value = Decimal(digits).scaleb(power, Context(prec=40))
    text = pa.array([f"{digits}e{power}"])
    found = to_int(
        text if kind == "text" else pa.array([value], pa.decimal128(38, max(-power, 0)))
    )
    whole = value == value.to_integral_value() and -(2**63) <= value < 2**63
    assert found.values.to_pylist() == [int(value) if whole else None]
    assert reasons(found, 1) == [None if whole else "not_int"]
