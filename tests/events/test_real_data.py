"""Real sets read through mappings, against plain Python that reads them its own way."""

import csv
import gzip
from collections import Counter, defaultdict
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zap.events.folding import fold_rows
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources

RETAIL = {
    "timezone": "Europe/London",
    "row_group_key": "InvoiceNo",
    "fields": {
        "timestamp": "InvoiceDate",
        "type": {
            "column": "InvoiceNo",
            "prefixes": {"C": "cancellation"},
            "default": "order",
        },
        "user_id": "CustomerID",
    },
    "properties": {
        "amount": {
            "product": ["Quantity", "UnitPrice"],
            "type": "float",
            "fold": "sum",
        },
        "lines": {"fold": "count"},
    },
    "skip": [{"name": "missing_customer", "field": "user_id", "is": "missing"}],
}
SHOP = {
    "fields": {
        "timestamp": {"column": "ts", "unit": "s"},
        "type": "event",
        "anonymous_id": "visitor_id",
    },
    "properties": {"page": "page", "s4": {"column": "s4", "type": "float"}},
}


def read(path: Path, said: dict[str, Any]) -> tuple[pa.Table, Counter[str]]:
    mapping = EventMapping.from_dict(said)
    [source] = list_sources([str(path)], mapping)
    batches, counts = [], Counter[str]()
    for batch in read_source(source, mapping):
        batches.append(batch.events)
        counts.update(batch.counts)
    return pa.Table.from_batches(batches), counts


def test_invoice_lines_become_orders(shared_data: Path) -> None:
    path = shared_data / "online_retail" / "invoices.csv.gz"
    rows: dict[tuple[str, str], list[tuple[datetime, float]]] = defaultdict(list)
    missing = 0
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        names = next(reader)
        wanted = ["InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
        cells = itemgetter(*map(names.index, wanted))
        for invoice, quantity, date, price, customer in map(cells, reader):
            if not customer:
                missing += 1
                continue
            line = (datetime.fromisoformat(date), int(quantity) * float(price))
            rows[customer, invoice].append(line)
    table, counts = read(path, RETAIL)
    lines = sum(map(len, rows.values()))
    assert counts == {
        "rows.read": lines + missing,
        "events.read": lines,
        "rows.skipped.missing_customer": missing,
    }
    assert missing / counts["rows.read"] == pytest.approx(0.318, abs=0.001)
    orders, folded = fold_rows(table, EventMapping.from_dict(RETAIL), "user_id")
    assert orders.num_rows == len(rows) == lines - folded
    zone = ZoneInfo("Europe/London")
    for order in orders.to_pylist():
        found = rows[order["user_id"], order["event_id"]]
        assert order["lines"] == len(found)
        assert order["amount"] == pytest.approx(sum(amount for _, amount in found))
        assert order["timestamp"] == min(time for time, _ in found).replace(tzinfo=zone)
        cancelled = order["event_id"].startswith("C")
        assert order["type"] == ("cancellation" if cancelled else "order")


def test_page_views_keep_their_rows(shared_data: Path) -> None:
    path = shared_data / "shop_sessions" / "events.parquet"
    raw = pq.read_table(path)
    table, counts = read(path, SHOP)
    assert counts == {"rows.read": raw.num_rows, "events.read": raw.num_rows}
    micros = table.column("timestamp").cast(pa.int64()).to_numpy()
    assert (micros == raw.column("ts").to_numpy() * 1_000_000).all()
    assert (
        table.column("anonymous_id").to_pylist() == raw.column("visitor_id").to_pylist()
    )
    assert table.column("page").to_pylist() == raw.column("page").to_pylist()
    assert (table.column("s4").to_numpy() == raw.column("s4").to_numpy()).all()
    assert table.column("row").to_pylist() == list(range(raw.num_rows))
