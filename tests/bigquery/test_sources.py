"""Which tables and rows an address names, and what is told of those that fail."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from bigquery_gaps import Gaps
from bigquery_server import BigQueryServer
from bigquery_tables import make_table

from zap.bigquery.addresses import parse_address
from zap.bigquery.names import parse_table
from zap.bigquery.reads import TableRead
from zap.bigquery.tables import daily_tables, day_of
from zap.errors import BigQueryError, InputError, MappingError
from zap.events.bigquery_days import restriction
from zap.events.bigquery_sources import read_query, with_days
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.reading import read_source
from zap.events.sources import list_sources

FIELDS = {"anonymous_id": "who", "timestamp": "time", "type": "kind"}


def mapping_of(**more: Any) -> EventMapping:
    return EventMapping.from_dict({"fields": FIELDS, **more})


def test_an_address_says_which_rows() -> None:
    found = parse_address("bigquery://shop-data.web.events?from=2024-01-01&streams=3")
    assert found.name.id == "shop-data.web.events"
    assert (found.first, found.until, found.streams) == (date(2024, 1, 1), None, 3)
    assert parse_address("bigquery://shop-data.web.events_*").name.is_wildcard
    both = "bigquery://shop-data.web.t?until=2024-02-01&from=2024-01-01&days=day"
    assert parse_address(both).days == "day"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("?form=2024-01-01", "from, until, days or streams"),
        ("?from=2024-01-01&from=2024-01-02", "each once"),
        ("?from=yesterday", "a day like"),
        ("?from=2024-01-02&until=2024-01-02", "a day after 2024-01-02"),
        ("?streams=0", "from 1 on"),
        ("?streams=-1", "from 1 on"),
        ("?days=", "each once"),
        ("?from", "pairs like"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(asked: str, words: str) -> None:
    with pytest.raises(BigQueryError, match=words):
        parse_address("bigquery://shop-data.web.events" + asked)


@pytest.mark.parametrize(
    ("table", "day"),
    [
        ("events_20240301", date(2024, 3, 1)),
        ("events_intraday_20240301", None),
        ("events_20240231", None),
        ("events_2024030", None),
        ("events_202403011", None),
        ("other_20240301", None),
        ("events_", None),
    ],
)
def test_only_a_day_is_a_day(table: str, day: date | None) -> None:
    assert day_of(table, "events_") == day


@pytest.fixture(scope="module")
def daily(bigquery_server: BigQueryServer) -> str:
    dataset = bigquery_server.new_dataset()
    row = pa.table({"who": ["a"], "time": ["2024-03-01T00:00:00Z"], "kind": ["v"]})
    for day in ("20240301", "20240303", "20240302", "intraday_20240304", "x"):
        make_table(bigquery_server, f"{dataset}.events_{day}", row)
    return f"bigquery://{dataset}.events_*"


@pytest.mark.parametrize(
    ("first", "until", "found"),
    [(None, None, "123"), (2, None, "23"), (None, 3, "12"), (2, 3, "2")],
)
def test_the_tables_of_days(
    bigquery: BigQueryServer,
    daily: str,
    first: int | None,
    until: int | None,
    found: str,
) -> None:
    name = parse_table(daily, wildcard=True)
    days = [d and date(2024, 3, d) for d in (first, until)]
    names = [table.table for table in daily_tables(name, *days)]
    assert names == [f"events_2024030{day}" for day in found]


def test_days_without_a_table_are_told(bigquery: BigQueryServer, daily: str) -> None:
    with pytest.raises(BigQueryError, match=r"from 2025-01-01.*YYYYMMDD"):
        list_sources([f"{daily}?from=2025-01-01"], mapping_of())


def test_daily_tables_without_days_are_those_of_the_observed_range() -> None:
    address = parse_address("bigquery://shop-data.web.events_*")
    observed = {"from": "2024-03-01T23:30:00Z", "until": "2024-03-05"}
    for zone, first, until in (("UTC", 1, 5), ("Asia/Tokyo", 2, 5)):
        mapping = mapping_of(timezone=zone, observed=observed)
        found = with_days(address, mapping)
        assert found.first == date(2024, 3, first)
        assert found.until == date(2024, 3, until)
    assert with_days(address, mapping_of()) == address


def test_the_names_of_tables_may_tell_the_observed_range(
    bigquery: BigQueryServer, daily: str
) -> None:
    mapping = mapping_of(observed={"partitions": "events_%Y%m%d"})
    sources = list_sources([daily], mapping)
    assert observed_range(mapping, [each.path for each in sources]) == tuple(
        int(datetime(2024, 3, day, tzinfo=UTC).timestamp() * 1e6) for day in (1, 4)
    )


def test_a_daily_table_beside_the_intraday_table_of_its_day_is_refused(
    bigquery: BigQueryServer, daily: str
) -> None:
    both = [daily, daily.replace("events_*", "events_intraday_20240304")]
    ga4 = EventMapping.from_dict({"format": "ga4"})
    assert len(list_sources(both, ga4)) == 4
    both[1] = both[1].replace("20240304", "20240303")
    dataset = daily.removeprefix("bigquery://").removesuffix(".events_*")
    row = pa.table({"who": ["a"]})
    make_table(bigquery, f"{dataset}.events_intraday_20240303", row)
    with pytest.raises(InputError, match="the same events"):
        list_sources(both, ga4)


KINDS = {
    "time": "TIMESTAMP",
    "day": "DATE",
    "own-day of it": "DATE",
    "local": "DATETIME",
    "ms": "INTEGER",
}


@pytest.mark.parametrize(
    ("asked", "fields", "wanted"),
    [
        ("", {}, ""),
        ("?from=2024-03-02", {}, "`time` >= TIMESTAMP '2024-03-01 23:00:00+00:00'"),
        (
            "?from=2024-03-30&until=2024-04-01",
            {},
            "`time` >= TIMESTAMP '2024-03-29 23:00:00+00:00' AND "
            "`time` < TIMESTAMP '2024-03-31 22:00:00+00:00'",
        ),
        ("?until=2024-03-02&days=day", {}, "`day` < DATE '2024-03-02'"),
        (
            "?until=2024-03-02&days=own-day%20of%20it",
            {},
            "`own-day of it` < DATE '2024-03-02'",
        ),
        (
            "?from=2024-03-02",
            {"timestamp": "local"},
            "`local` >= DATETIME '2024-03-02 00:00:00'",
        ),
        (
            "?from=2024-03-02",
            {"timestamp": {"column": "ms", "unit": "ms"}},
            "`ms` >= 1709334000000",
        ),
        (
            "?from=2024-03-02&days=_PARTITIONDATE",
            {},
            "`_PARTITIONDATE` >= DATE '2024-03-02'",
        ),
    ],
)
def test_the_sql_of_days(asked: str, fields: dict[str, Any], wanted: str) -> None:
    mapping = EventMapping.from_dict(
        {"fields": {**FIELDS, **fields}, "timezone": "Europe/Berlin"}
    )
    address = parse_address("bigquery://shop-data.web.events" + asked)
    assert restriction(KINDS, address, mapping) == wanted


def test_a_column_that_is_no_day_is_refused() -> None:
    address = parse_address("bigquery://shop-data.web.events?from=2024-03-02&days=who")
    with pytest.raises(BigQueryError, match=r"who=STRING.*days=COLUMN"):
        restriction({"who": "STRING"}, address, mapping_of())
    with pytest.raises(MappingError, match="who"):
        restriction(KINDS, address, mapping_of())


def test_rows_of_days_are_those_that_a_plain_loop_finds(
    gaps: Gaps, bigquery: BigQueryServer
) -> None:
    begin = datetime(2024, 3, 1, tzinfo=UTC)
    times = [begin + timedelta(hours=7 * step, microseconds=step) for step in range(30)]
    times.append(datetime(2024, 3, 3, tzinfo=UTC))
    rows = pa.table(
        {
            "who": ["a"] * len(times),
            "kind": ["view"] * len(times),
            "time": pa.array(times, pa.timestamp("us", "UTC")),
        }
    )
    table = make_table(bigquery, bigquery.new_dataset() + ".times", rows)
    limits = "?from=2024-03-03&until=2024-03-06"
    (source,) = list_sources([table + limits], mapping_of())
    found = [
        each
        for batch in read_source(source, mapping_of())
        for each in batch.events.column("timestamp").to_pylist()
    ]
    until = datetime(2024, 3, 6, tzinfo=UTC)
    wanted = [t for t in times if datetime(2024, 3, 3, tzinfo=UTC) <= t < until]
    assert sorted(found) == sorted(wanted) and len(wanted) > 5


def test_a_snapshot_is_behind_every_change_and_the_same_for_all(
    bigquery: BigQueryServer, daily: str
) -> None:
    sources = list_sources([daily], mapping_of())
    reads = [TableRead.of_text(source.table or "") for source in sources]
    (snapshot_us,) = {read.snapshot_us for read in reads}
    client = bigquery.client()
    for read in reads:
        changed = client.get_table(read.table.id).modified.timestamp() * 1e6
        assert snapshot_us > changed


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, "accessDenied", "Ask for the roles"),
        (403, "quotaExceeded", "Wait until the quota"),
    ],
)
def test_what_the_service_refuses_is_told(
    bigquery: BigQueryServer, daily: str, status: int, reason: str, words: str
) -> None:
    fault = {"match": "GET .*/tables", "when": "before", "status": status}
    bigquery.fail({**fault, "reason": reason})
    with pytest.raises(BigQueryError, match=rf"events_\*.*{reason}.*{words}"):
        list_sources([daily], mapping_of())


def test_a_table_that_is_not_there_is_told(bigquery: BigQueryServer) -> None:
    name = f"bigquery://{bigquery.new_dataset()}.nowhere"
    with pytest.raises(BigQueryError, match=r"nowhere.*notFound.*Check the name"):
        list_sources([name], mapping_of())


def test_a_wrong_query_is_told(
    bigquery: BigQueryServer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.sql"
    with pytest.raises(InputError, match=r"events\.sql"):
        list_sources([str(path)], mapping_of())
    path.write_text("SELECT 1 AS x WHERE @from < @until")
    with pytest.raises(BigQueryError, match="GOOGLE_CLOUD_PROJECT"):
        list_sources([str(path)], mapping_of())
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "zap-test")
    with pytest.raises(BigQueryError, match=r"observed\.from and observed\.until"):
        list_sources([str(path)], mapping_of())
    path.write_text("SELEC nothing")
    with pytest.raises(BigQueryError, match=r"(take|run) a query"):
        list_sources([str(path)], mapping_of())


def test_a_query_may_lie_in_a_store() -> None:
    fsspec.filesystem("memory").pipe("/queries/Events.sql", "SELECT 'ä'".encode())
    assert read_query("memory://queries/Events.sql") == "SELECT 'ä'"
    with pytest.raises(InputError, match=r"no\.sql"):
        read_query("memory://queries/no.sql")


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO `{0}.t` VALUES ('b')", "CREATE TABLE `{0}.new` AS SELECT 1 AS x"],
)
def test_a_statement_that_is_no_query_is_not_run(
    bigquery: BigQueryServer, tmp_path: Any, monkeypatch: Any, statement: str
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "zap-test")
    dataset = bigquery.new_dataset()
    make_table(bigquery, f"{dataset}.t", pa.table({"who": ["a"]}))
    path = tmp_path / "events.sql"
    path.write_text(statement.format(dataset))
    with pytest.raises(BigQueryError, match="one SELECT"):
        list_sources([str(path)], mapping_of())
    client = bigquery.client()
    assert [row.who for row in client.list_rows(f"{dataset}.t")] == ["a"]
    assert [each.table_id for each in client.list_tables(dataset)] == ["t"]
