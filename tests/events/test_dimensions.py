"""Rows of dimensions: read from tables of their own, as events of their own type."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from zap.errors import InputError, MappingError
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.schema import ALWAYS_VALID
from zap.events.sources import list_sources
from zap.events.specs import CsvOptions
from zap.events.timestamps import EARLIEST

TOML = """
timezone = "UTC"
[fields]
timestamp = "ts"
type = "kind"
user_id = "user"
[properties.amount]
column = "x"
type = "float"
[[skip]]
name = "robot"
field = "user_id"
equals = "robot"
[[skip]]
name = "free"
column = "x"
equals = "0"
[[dimensions]]
name = "customers"
input = "customers/*.csv"
valid_from = { column = "changed_at", format = "%d/%m/%Y" }
[dimensions.fields]
user_id = "customer"
[dimensions.properties.plan]
column = "plan"
[dimensions.properties.amount]
column = "spent"
type = "float"
[[dimensions]]
name = "countries"
input = ["countries.jsonl"]
valid_from = "always"
[dimensions.fields]
user_id = "who"
[dimensions.properties]
country = "c"
"""
EVENTS = (
    "ts,kind,user,x\n2024-01-05T00:00:00Z,view,a,2\n"
    "2024-01-06T00:00:00Z,dimension.x,a,2\n"
)
CUSTOMERS = (
    "customer,changed_at,plan,spent\na,01/01/2024,free,1.5\na,,paid,2\n"
    "robot,01/01/2024,free,\na,03/01/2024,paid,x\n"
)


def site(folder: Path, toml: str = TOML) -> tuple[EventMapping, list[str]]:
    (folder / "customers").mkdir()
    (folder / "customers" / "one.csv").write_text(CUSTOMERS)
    (folder / "countries.jsonl").write_text('{"who": "a", "c": "NL"}\n{"who": "b"}\n')
    (folder / "events.csv").write_text(EVENTS)
    (folder / "site.toml").write_text(toml)
    return EventMapping.load(folder / "site.toml"), [str(folder / "events.csv")]


def read_all(mapping: EventMapping, inputs: list[str]) -> tuple[list[Any], Any, Any]:
    events: list[dict[str, Any]] = []
    dead: list[Any] = []
    counts: Counter[str] = Counter()
    for source in list_sources(inputs, mapping):
        for batch in read_source(source, mapping):
            assert batch.events.schema.names[-3:] == ["amount", "plan", "country"]
            events += batch.events.to_pylist()
            dead += batch.dead
            counts.update(batch.counts)
    return events, dead, counts


def test_rows_become_events_at_the_time_they_became_valid(tmp_path: Path) -> None:
    events, dead, counts = read_all(*site(tmp_path))
    names = ("type", "user_id", "timestamp", "amount", "plan", "country")
    found = sorted((tuple(event[name] for name in names) for event in events), key=str)
    always = datetime(1900, 1, 1, tzinfo=UTC)
    assert found == [
        ("dimension.countries", "a", always, None, None, "NL"),
        ("dimension.countries", "b", always, None, None, None),
        (
            "dimension.customers",
            "a",
            datetime(2024, 1, 1, tzinfo=UTC),
            1.5,
            "free",
            None,
        ),
        ("view", "a", datetime(2024, 1, 5, tzinfo=UTC), 2.0, None, None),
    ]
    assert sorted((Path(d.source).name, d.line, d.reason) for d in dead) == [
        ("events.csv", 3, "type.reserved"),
        ("one.csv", 3, "timestamp.missing"),
        ("one.csv", 5, "property.amount.not_float"),
    ]
    assert +counts == {
        "rows.read": 8,
        "events.read": 4,
        "rows.skipped.robot": 1,
        "rows.bad.type.reserved": 1,
        "rows.bad.timestamp.missing": 1,
        "rows.bad.property.amount.not_float": 1,
        "rows.dimension.customers": 4,
        "rows.dimension.countries": 2,
    }


def test_always_valid_is_the_earliest_time() -> None:
    assert ALWAYS_VALID == EARLIEST


def test_sources_know_their_dimension_and_are_read_once(tmp_path: Path) -> None:
    mapping, _ = site(tmp_path)
    found = list_sources([str(tmp_path)], mapping)
    assert {(Path(s.path).name, s.dimension) for s in found} == {
        ("events.csv", None),
        ("one.csv", "customers"),
        ("countries.jsonl", "countries"),
    }
    assert len(found) == 3


def test_a_dimension_without_files_is_refused(tmp_path: Path) -> None:
    mapping, inputs = site(tmp_path)
    (tmp_path / "countries.jsonl").unlink()
    with pytest.raises(InputError, match=r"countries\.jsonl'?, which names none"):
        list_sources(inputs, mapping)


def test_round_trip_and_digest(tmp_path: Path) -> None:
    mapping, _ = site(tmp_path)
    again = EventMapping.from_dict(mapping.to_dict())
    assert again == mapping
    assert again.digest() == mapping.digest()
    other = mapping.to_dict()
    other["dimensions"][0]["properties"]["plan"] = "tier"
    assert EventMapping.from_dict(other).digest() != mapping.digest()


def test_what_a_dimension_inherits(tmp_path: Path) -> None:
    dialect = 'delimiter = ";", decimal = ",", header = false, columns = ["x"]'
    head = f'format = "csv"\ncsv = {{ {dialect} }}\n'
    own = 'valid_from = "always"\nskip = []\nformat = "parquet"\n'
    own += 'timezone = "Asia/Tokyo"\n'
    toml = head + TOML.replace('valid_from = "always"\n', own)
    customers, countries = site(tmp_path, toml)[0].dimensions
    assert [rule.name for rule in customers.skip] == ["robot"]
    assert (customers.format, customers.timezone) == ("csv", "UTC")
    assert customers.csv == CsvOptions(delimiter=";", decimal=",")
    assert countries.skip == ()
    assert (countries.format, countries.timezone) == ("parquet", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "valid_from = {",
            "valid_form = {",
            r"valid_from.*dimensions\[0\]\.valid_form",
        ),
        ('valid_from = "always"', "", r"dimensions\[1\]\.valid_from=None"),
        ('user_id = "who"', 'user = "who"', r"did you mean 'user_id'"),
        ('user_id = "who"', 'event_id = "who"', "anonymous_id or user_id"),
        ('name = "countries"', 'name = "customers"', "a name of their own"),
        ('name = "countries"', 'name = "a.b"', "letters, digits"),
        ('input = "customers/*.csv"', "input = []", "files, globs or directories"),
        ('country = "c"', "", "at least one property"),
        ('country = "c"', 'amount = "c"', "one type for a property"),
        ('country = "c"', 'timestamp = "c"', "is no field of every event"),
        ('column = "plan"', 'column = "plan"\nfold = "last"', "no fold"),
    ],
)
def test_a_wrong_dimension_is_named(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in TOML
    with pytest.raises(MappingError, match=words):
        site(tmp_path, TOML.replace(old, new))
