"""Mappings of any shape: accepted with a true round trip, or refused in words."""

from __future__ import annotations

import copy
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from fuzzing import MAPPING, MAX_MESSAGE_CHARS, bounded, check_file
from hypothesis import given
from hypothesis import strategies as st

from zap.errors import MappingError, ZapError
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range

WHOLE: dict[str, Any] = MAPPING | {
    "format": "csv",
    "row_group_key": "g",
    "csv": {"delimiter": ";", "quote": "'", "decimal": ",", "missing": ["NULL"]},
    "observed": {"from": date(2024, 1, 1), "until": "2024-02-01T00:00:00Z"},
    "dimensions": [
        {
            "name": "plans",
            "input": "plans*.csv",
            "valid_from": {"column": "since", "format": "%Y-%m-%d"},
            "fields": {"user_id": "user", "received_at": "in"},
            "properties": {"plan": {"column": "p", "type": "string"}},
            "skip": [{"name": "none", "field": "user_id", "is": "missing"}],
        }
    ],
}
VALUES: list[Any] = [
    None, True, False, 0, -1, 1.5, float("nan"), float("inf"), 10**400, "",
    " ",
    "x", "ts", "%", "%Q", "%Y%Y", "%F %T", "%f", "%d/%m/%Y", "\x00", "\ud800",
    "é" * 5000,
    "(", "(?=x)", "a{99999999999}", "\\", "s", "us", "int", "sum", "count",
    "missing", "csv",
    "UTC", "../UTC", "/etc/passwd", "america/new_york", "posixrules", "localtime",
    "Europe",
    [], [[]], ["x"], [1], ["", "x"], {}, {"column": "ts"}, {"constant": "x"},
    {"x": {"y": []}},
    {"column": 1}, {"product": ["n", "x"], "type": "float"}, [{}], [{"name": "a"}],
    b"x",
    [{"name": "a", "column": "n", "matches": "("}], date(1, 1, 1), date(9999, 12, 31),
    datetime(2024, 1, 1), time(1, 2), "0001-01-01", "9999-12-31",
    "2024-01-01T00:00+14:00",
    {"fold": "count"}, {"column": "ts", "type": "timestamp", "format": "%Y%Y"},
    ("x",), {"\ud800": "x"},
    {"column": "n", "values": {"\ud800": "x"}}, {"column": "n", "prefixes": {"": "x"}},
]  # fmt: skip
KEYS = [
    "column",
    "constant",
    "type",
    "unit",
    "format",
    "fold",
    "product",
    "x" * 5000,
    "",
    "fields",
    3,
]


def paths(data: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in nested tables and lists."""
    found = [prefix] if prefix else []
    items: Any = data.items() if isinstance(data, dict) else ()
    items = enumerate(data) if isinstance(data, list) else items
    for key, value in items:
        found += paths(value, (*prefix, key))
    return found


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return data


def check_mapping(data: Any, folder: Path) -> None:
    """A mapping is refused in words, or does what it says on a file."""
    try:
        mapping = EventMapping.from_dict(data, str(folder))
    except MappingError as error:
        assert len(str(error)) < MAX_MESSAGE_CHARS
        return
    again = EventMapping.from_dict(mapping.to_dict(), str(folder))
    assert again.digest() == mapping.digest()
    try:
        observed_range(mapping, ["a/b.csv"])
    except ZapError as error:
        assert len(str(error)) < MAX_MESSAGE_CHARS
    (folder / "plans.csv").write_text("user;since;in;p\nu;2024-01-01;;free\n;x;;\n")
    path = folder / "f.csv"
    head = "ts;kind;user;in;n;x;b;d;deep.leaf;g"
    row = "2024-01-02T00:00:00;view;u;1704067200000;1;2.5;true;01/02/2024;l;g1"
    path.write_text(f"{head}\n{row}\n{row}x\n;;;;;;;;;\n")
    check_file(path, mapping, 4)


@bounded(300)
@given(st.data())
def test_values_of_any_type_at_any_key(tmp_path_factory: Any, data: Any) -> None:
    mapping: Any = WHOLE
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(mapping) or [("fields",)]))
        value = data.draw(st.sampled_from(VALUES))
        if isinstance(value, dict) and data.draw(st.booleans()):
            value = {**value, data.draw(st.sampled_from(KEYS)): "x"}
        try:
            mapping = changed(mapping, path, value)
        except TypeError:
            return
    check_mapping(mapping, tmp_path_factory.getbasetemp())


LEAVES = st.one_of(st.sampled_from(VALUES), st.text(max_size=5), st.integers())
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["fields", "ts", *KEYS[:7]]), st.text(max_size=3)
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


@bounded(200)
@given(st.dictionaries(st.sampled_from([*WHOLE]), TREES, max_size=5), st.booleans())
def test_tables_of_any_shape(
    tmp_path_factory: Any, data: dict[str, Any], whole: bool
) -> None:
    check_mapping(WHOLE | data if whole else data, tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("data", [None, 3, "x", [], [[1]]])
def test_no_table_at_all(tmp_path: Path, data: Any) -> None:
    with pytest.raises(MappingError):
        EventMapping.from_dict(data)


@pytest.mark.parametrize("key", range(len(VALUES)))
def test_each_value_at_each_key(tmp_path: Path, key: int) -> None:
    for path in paths(WHOLE):
        check_mapping(changed(WHOLE, path, VALUES[key]), tmp_path)
