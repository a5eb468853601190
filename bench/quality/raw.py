"""The raw data read in the plainest way: the benchmark's own eyes, none of Zap's."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

Histories = dict[str, list[dict[str, Any]]]


def shop(path: Path) -> Histories:
    """Page views by visitor, in order, with the time in seconds."""
    histories: Histories = defaultdict(list)
    for row in pq.read_table(path).to_pylist():
        if row["event"] == "page_view":
            histories[row["visitor_id"]].append(row)
    for rows in histories.values():
        rows.sort(key=lambda row: row["ts"])
    return histories


def cdnow(path: Path) -> Histories:
    """Purchases by customer, in order, with the time in seconds."""
    histories: Histories = defaultdict(list)
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            day = datetime.strptime(row["date"], "%Y%m%d").replace(tzinfo=UTC)
            histories[row["customer_id"]].append(
                {
                    "ts": day.timestamp(),
                    "amount": float(row["dollar_value"]),
                    "size": int(row["number_of_cds"]),
                }
            )
    for rows in histories.values():
        rows.sort(key=lambda row: row["ts"])
    return histories


def retail(path: Path) -> Histories:
    """Invoices by customer, in order; lines of one invoice are one."""
    invoices: dict[tuple[str, str], dict[str, Any]] = {}
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            if not row["CustomerID"]:
                continue
            time = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC)
            key = (row["CustomerID"], row["InvoiceNo"])
            invoice = invoices.setdefault(
                key,
                {
                    "ts": time.timestamp(),
                    "amount": 0.0,
                    "size": 0,
                    "order": not row["InvoiceNo"].startswith("C"),
                },
            )
            invoice["ts"] = min(invoice["ts"], time.timestamp())
            invoice["amount"] += float(row["Quantity"]) * float(row["UnitPrice"])
            invoice["size"] += 1
    histories: Histories = defaultdict(list)
    for (customer, _), invoice in invoices.items():
        histories[customer].append(invoice)
    for rows in histories.values():
        rows.sort(key=lambda row: row["ts"])
    return histories


Reader = Callable[[Path], Histories]
