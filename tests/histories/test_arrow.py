"""Arrow's columns as the numpy columns that everything works on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zap.encoding.columns import Categorical, Numeric
from zap.errors import GeneratorError
from zap.histories.arrow import base_columns, to_column, to_columns

MOMENT = datetime(1970, 1, 2, tzinfo=UTC)


def values(column: Any) -> list[Any]:
    if isinstance(column, Numeric):
        return [None if np.isnan(v) else v for v in column.values.tolist()]
    assert isinstance(column, Categorical)
    return [None if code < 0 else column.distinct[code] for code in column.codes]


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (pa.array([1, None, 3]), [1.0, None, 3.0]),
        (pa.array([0.5, None], pa.float64()), [0.5, None]),
        (pa.array([None, None], pa.int64()), [None, None]),
        (pa.array([True, None, False]), ["true", None, "false"]),
        (pa.array(["b", None, "a", "b"]), ["b", None, "a", "b"]),
        (pa.array([None, None], pa.string()), [None, None]),
        (pa.array([MOMENT, None], pa.timestamp("us", "UTC")), [86400.0, None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([2**53, -(2**63)]), [2.0**53, -(2.0**63)]),
        (pa.chunked_array([["a"], ["b", None], []], pa.string()), ["a", "b", None]),
        (pa.chunked_array([], pa.int64()), []),
        (pa.chunked_array([[1], [None]], pa.int64()), [1.0, None]),
    ],
)
def test_a_column_keeps_its_values(array: Any, wanted: list[Any]) -> None:
    assert values(to_column(array)) == wanted


def test_derived_fields_are_columns_too(table_of: Any) -> None:
    rows = [
        {"who": "a", "t": 0, "type": "x", "url": url}
        for url in ("http://h/a/b", None, "http://h/a/b#c", "http://i/")
    ]
    columns = to_columns(table_of(rows), {"url.host", "url.segments", "amount"})
    assert set(columns) == {"url.host", "url.segments", "amount", "type"}
    assert values(columns["url.host"]) == ["h", None, "h", "i"]
    assert values(columns["url.segments"])[:3] == [("a", "b"), None, ("a", "b")]
    assert len(columns["url.host"].distinct) == 2


def test_a_field_that_no_event_has_is_named(table_of: Any) -> None:
    table = table_of([{"who": "a", "t": 0, "type": "x"}])
    with pytest.raises(GeneratorError, match=r"Received: field='colour'. Fields are"):
        to_columns(table, {"colour"})
    with pytest.raises(GeneratorError, match=r"field='url\.pth' \(.* 'url\.path'\?\)"):
        to_columns(table, {"url.pth"})
    with pytest.raises(GeneratorError, match=r"field='url\.host'"):
        to_columns(table.drop_columns(["url"]), {"url.host"})


def test_a_derived_field_is_read_from_its_source() -> None:
    assert base_columns(["url.host", "agent.os", "amount"]) == {
        "url",
        "user_agent",
        "amount",
    }
