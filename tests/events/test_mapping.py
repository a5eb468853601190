"""Mappings: what a file may say, and what it is told when it is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from zap.errors import MappingError
from zap.events.mapping import EventMapping
from zap.events.schema import canonical_schema

FULL = """
format = "csv"
timezone = "Europe/London"
row_group_key = "InvoiceNo"
[csv]
delimiter = ";"
decimal = ","
missing = ["NA"]
[fields]
timestamp = {column = "d", format = "%Y%m%d"}
received_at = {column = "r", unit = "ms"}
type = {column = "InvoiceNo", prefixes = {C = "cancellation"}, default = "order"}
user_id = "CustomerID"
url = "context.page.url"
sequence = "line"
[properties.amount]
product = ["Quantity", "UnitPrice"]
type = "float"
fold = "sum"
[properties.lines]
fold = "count"
[properties.country]
column = "Country"
[observed]
from = 2010-12-01
until = 2011-12-10T00:00:00Z
[[skip]]
name = "missing_customer"
field = "user_id"
is = "missing"
[[skip]]
name = "test_orders"
column = "Status"
in = ["test", 7, true]
[[skip]]
name = "staff"
column = "Mail"
matches = "@shop"
"""
LEAST: dict[str, Any] = {"fields": {"timestamp": "ts", "type": "event"}}


def test_a_file_and_its_json_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(FULL)
    mapping = EventMapping.load(path)
    again = EventMapping.from_dict(json.loads(json.dumps(mapping.to_dict())))
    assert again == mapping
    assert again.digest() == mapping.digest()
    assert mapping.fields["type"].prefixes == (("C", "cancellation"),)
    assert mapping.property_types() == {
        "amount": "float",
        "lines": "int",
        "country": "string",
    }
    assert mapping.property_types(["country", "unknown"]) == {"country": "string"}
    assert mapping.observed is not None
    assert mapping.observed.start == "2010-12-01"
    assert mapping.skip[1].one_of == ("test", "7", "true")


def test_a_digest_changes_with_what_is_said() -> None:
    digests = {
        EventMapping.from_dict({**LEAST, **more}).digest()
        for more in (
            {},
            {"timezone": "UTC"},
            {"properties": {"a": "a", "b": "b"}},
            {"properties": {"b": "b", "a": "a"}},
            {"csv": {"missing": ["NA"]}},
        )
    }
    assert len(digests) == 5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"timezon": "UTC"}, r"did you mean 'timezone'\?.*timezon='UTC'"),
        ({"fields": {"timestamp": "ts"}}, r"fields\.type"),
        ({"fields": {**LEAST["fields"], "user": "u"}}, r"did you mean 'user_id'"),
        ({"fields": {**LEAST["fields"], "url": 3}}, r"fields\.url=3 \(type int\)"),
        ({"fields": "ts"}, "a table"),
        (
            {"fields": {"timestamp": {"column": "t", "unit": "sec"}, "type": "e"}},
            "s, ms",
        ),
        (
            {
                "fields": {
                    "timestamp": {"column": "t", "unit": "s", "format": "%Y"},
                    "type": "e",
                }
            },
            "not both",
        ),
        ({"fields": {"timestamp": {"column": "t", "format": "Y"}, "type": "e"}}, "%Y"),
        (
            {"fields": {"timestamp": "t", "type": {"column": "e", "constant": "x"}}},
            "exactly",
        ),
        ({"timezone": "Europe/Londres"}, "IANA"),
        ({"timezone": "../../etc/passwd"}, "IANA"),
        ({"format": "xls"}, "csv, jsonl, parquet"),
        ({"csv": {"delimiter": ";;"}}, "one ASCII character"),
        ({"csv": {"decimal": ";"}}, "'.' or ','"),
        ({"csv": {"header": False}}, "columns"),
        ({"properties": {"url": "x"}}, "no field of every event"),
        ({"properties": {"url.host": "x"}}, "no field of every event"),
        ({"properties": {"a": {"column": "a", "type": "double"}}}, "string, int"),
        ({"properties": {"a": {"column": "a", "fold": "sum"}}}, "to sum"),
        ({"properties": {"a": {"column": "a", "fold": "last"}}}, "row_group_key"),
        ({"properties": {"a": {"type": "int"}}}, "exactly one of column and product"),
        ({"observed": {"from": "1997-01-01"}}, "both from and until"),
        ({"observed": {"from": "1998-01-01", "until": "1997-01-01"}}, "a time after"),
        ({"observed": {"from": "yesterday", "until": "today"}}, "a date or a time"),
        ({"skip": [{"name": "x", "field": "user", "is": "missing"}]}, "column="),
        ({"skip": [{"name": "x", "column": "a"}]}, "exactly one of is"),
        (
            {"skip": [{"name": "x", "column": "a", "matches": "("}]},
            "regular expression",
        ),
        ({"skip": [{"name": "a b", "column": "a", "is": "missing"}]}, "letters"),
        ({"skip": [{"name": "x", "column": "a", "is": "missing"}] * 2}, "own name"),
        ({"skip": {"name": "x"}}, r"\[\[skip\]\]"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(MappingError, match=message):
        EventMapping.from_dict({**LEAST, **wrong})


def test_files_that_are_no_mappings(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"none\.toml"):
        EventMapping.load(tmp_path / "none.toml")
    path = tmp_path / "m.toml"
    path.write_text("[fields\n")
    with pytest.raises(MappingError, match="TOML"):
        EventMapping.load(path)


def test_the_schema_has_flat_typed_columns() -> None:
    schema = canonical_schema({"amount": "float", "page": "string"})
    assert schema.names[-2:] == ["amount", "page"]
    assert str(schema.field("timestamp").type) == "timestamp[us, tz=UTC]"
    assert not schema.field("type").nullable
    with pytest.raises(MappingError, match="'number'"):
        canonical_schema({"amount": "number"})  # type: ignore[dict-item]
