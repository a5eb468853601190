"""One made-up site's events, as each tool would export them, and as plain JSON Lines.

The writers are made from the public descriptions of the formats, one row at a time, and
know nothing of the readers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    PowerBins,
    each,
    event,
    in_session,
    rest_of_session,
)

Event = dict[str, Any]
FIRST = datetime(2024, 3, 1, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
OBSERVED = {"from": "2024-03-01", "until": "2024-04-01"}


class Exported(Generator):
    """After every page view: will this visit end in a purchase?"""

    session = InactivityGap(minutes=30)
    cutoffs = each(event("page_view"))
    label = rest_of_session().any(event("purchase"))
    instance = Instance(
        types=["page_view", "add_to_cart", "purchase"],
        last=5,
        fields=[
            Hash("type"),
            Hash("url.path"),
            Hash("referrer.host"),
            Hash("sku"),
            PowerBins("total", step=1.0, linear_cutoff=10.0, cutoff=200.0, last=15),
        ],
        hash_buckets=64,
    )
    statistics = {"pages": in_session().count(event("page_view"))}


def made_events(visitors: int = 60, seed: int = 0) -> list[Event]:
    """Visits in the order of their times, in whole milliseconds."""
    rng = random.Random(seed)
    events: list[Event] = []
    for number in range(visitors):
        time = FIRST + timedelta(milliseconds=rng.randrange(20 * 86_400_000))
        user = f"u{number}" if number % 3 == 0 else None
        for step in range(rng.randint(1, 6)):
            path = rng.choice(("/", "/basket", "/shoes", "/hats?q=red"))
            events.append(_event(rng, number, time, "page_view", path, user))
            if step == 0 and user:
                time += timedelta(milliseconds=1)
                events.append(_event(rng, number, time, "identify", "/", user))
            time += timedelta(milliseconds=rng.randrange(1, 90_000))
            if rng.random() < 0.3:
                kind = rng.choice(("add_to_cart", "purchase"))
                events.append(_event(rng, number, time, kind, path, user))
                events[-1]["sku"] = rng.choice(("S-1", "S-2", "Ünïcode"))
                events[-1]["total"] = rng.choice((19.9, 5.0, 120.25, 0.1))
                time += timedelta(milliseconds=rng.randrange(1, 900))
    return sorted(events, key=lambda each: each["timestamp"])


def _event(
    rng: random.Random, number: int, time: datetime, kind: str, path: str, user: Any
) -> Event:
    return {
        "event_id": f"{rng.getrandbits(64):016x}",
        "anonymous_id": f"a{number}",
        "user_id": user,
        "timestamp": time,
        "received_at": time + timedelta(milliseconds=rng.randrange(2_000)),
        "type": kind,
        "url": f"https://shop.example{path}",
        "referrer": rng.choice((None, "https://search.example/?q=shoes")),
        "user_agent": BROWSER,
        "sku": None,
        "total": None,
    }


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    """One JSON value a line; the path."""
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return path


def iso_ms(time: datetime) -> str:
    """As Segment writes times."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


# Plain JSON Lines.

PLAIN_FIELDS = [
    "event_id",
    "anonymous_id",
    "user_id",
    "timestamp",
    "received_at",
    "type",
    "url",
    "referrer",
    "user_agent",
]
PROPERTIES = {"sku": "sku", "total": {"column": "total", "type": "float"}}


def plain_mapping(*without: str) -> dict[str, Any]:
    """The mapping of plain rows."""
    fields = {name: name for name in PLAIN_FIELDS if name not in without}
    return {"fields": fields, "properties": PROPERTIES, "observed": OBSERVED}


def write_plain(path: Path, events: Sequence[Event]) -> Path:
    """One flat object a line."""
    rows = [
        {n: v.isoformat() if isinstance(v, datetime) else v for n, v in each.items()}
        for each in events
    ]
    return write_lines(path, rows)


# Segment.

SEGMENT = {
    "format": "segment",
    "properties": {
        "sku": "properties.sku",
        "total": {"column": "properties.total", "type": "float"},
    },
    "observed": OBSERVED,
}


def segment_call(one: Event, skew_ms: int | None = None) -> dict[str, Any]:
    """A call; with a skew the sender's clock is off, and Segment has not yet summed."""
    call: dict[str, Any] = {
        "messageId": one["event_id"],
        "anonymousId": one["anonymous_id"],
        "userId": one["user_id"],
        "channel": "client",
        "context": {
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
            "page": {"url": one["url"], "referrer": one["referrer"], "title": "Shop"},
            "userAgent": one["user_agent"],
        },
        "integrations": {},
        "receivedAt": iso_ms(one["received_at"]),
        "version": 2,
    }
    if one["type"] == "page_view":
        call |= {"type": "page", "name": "Home", "properties": {"title": "Shop"}}
    elif one["type"] == "identify":
        call |= {"type": "identify", "traits": {"plan": "free"}}
    else:
        properties = {"sku": one["sku"], "total": one["total"], "products": [1, 2]}
        call |= {"type": "track", "event": one["type"], "properties": properties}
    if skew_ms is None:
        return call | {"timestamp": iso_ms(one["timestamp"])}
    skew = timedelta(milliseconds=skew_ms)
    return call | {
        "originalTimestamp": iso_ms(one["timestamp"] + skew),
        "sentAt": iso_ms(one["received_at"] + skew),
    }


def write_segment(path: Path, events: Sequence[Event]) -> Path:
    """Calls; every third comes from a clock that is off."""
    skews = [-3_600_000, None, None]
    calls = [segment_call(one, skews[place % 3]) for place, one in enumerate(events)]
    return write_lines(path, calls)


# Snowplow.

SNOWPLOW = {
    "format": "snowplow",
    "properties": {
        "sku": "contexts.com.shop/product.sku",
        "total": {"column": "unstruct.total", "type": "float"},
    },
    "observed": OBSERVED,
}


def snowplow_cells(one: Event) -> dict[int, str]:
    """The cells of an enriched event by their places, as its description has them."""

    def stamp(time: datetime) -> str:
        return f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d}"

    cells = {
        0: "shop",
        1: "web",
        2: stamp(one["received_at"]),
        3: stamp(one["received_at"]),
        4: stamp(one["timestamp"] + timedelta(hours=2)),
        5: "page_view" if one["type"] == "page_view" else "unstruct",
        6: one["event_id"],
        12: one["user_id"] or "",
        15: one["anonymous_id"],
        29: one["url"],
        31: one["referrer"] or "",
        77: one["user_agent"],
        124: stamp(one["timestamp"]),
        126: one["type"],
    }
    iglu = "iglu:com.snowplowanalytics.snowplow"
    contexts: list[Any] = [
        {"schema": f"{iglu}/web_page/jsonschema/1-0-0", "data": {"id": "p1"}}
    ]
    if one["type"] != "page_view":
        data = {"schema": "iglu:com.shop/x/jsonschema/1-0-0", "data": {}}
        if one["total"] is not None:
            data["data"] = {"total": one["total"], "tags": ["a"]}
        cells[58] = json.dumps(
            {"schema": f"{iglu}/unstruct_event/jsonschema/1-0-0", "data": data}
        )
    if one["sku"] is not None:
        product = {"schema": "iglu:com.shop/product/jsonschema/2-0-1"}
        contexts.append({**product, "data": {"sku": one["sku"]}})
    cells[52] = json.dumps(
        {"schema": f"{iglu}/contexts/jsonschema/1-0-0", "data": contexts}
    )
    return cells


def snowplow_line(cells: dict[int, str]) -> str:
    """A line of the TSV."""
    return "\t".join(cells.get(place, "") for place in range(131)) + "\n"


def write_snowplow(path: Path, events: Sequence[Event]) -> Path:
    """A TSV without a header."""
    lines = [snowplow_line(snowplow_cells(one)) for one in events]
    path.write_text("".join(lines), encoding="utf-8")
    return path


# GA4. It has neither ids, receipts nor agents.

GA4 = {
    "format": "ga4",
    "properties": {
        "sku": "items.item_id",
        "total": {"column": "params.value", "type": "float"},
    },
    "observed": OBSERVED,
}
GA4_LACKS = ("event_id", "received_at", "user_agent")

_VALUE = pa.struct(
    [
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("double_value", pa.float64()),
    ]
)
_PARAMS = pa.list_(pa.struct([("key", pa.string()), ("value", _VALUE)]))
GA4_SCHEMA = pa.schema(
    [
        ("event_date", pa.string()),
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("event_params", _PARAMS),
        ("event_bundle_sequence_id", pa.int64()),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("user_properties", _PARAMS),
        (
            "device",
            pa.struct(
                [
                    ("category", pa.string()),
                    ("web_info", pa.struct([("browser", pa.string())])),
                ]
            ),
        ),
        ("geo", pa.struct([("country", pa.string())])),
        ("ecommerce", pa.struct([("purchase_revenue", pa.float64())])),
        (
            "items",
            pa.list_(
                pa.struct(
                    [
                        ("item_id", pa.string()),
                        ("price", pa.float64()),
                        ("quantity", pa.int64()),
                    ]
                )
            ),
        ),
        ("batch_page_id", pa.int64()),
        ("batch_ordering_id", pa.int64()),
        ("batch_event_index", pa.int64()),
    ]
)


def param(key: str, value: Any) -> dict[str, Any]:
    """A parameter, with the one of its values set that its type asks for."""
    kinds = {str: "string_value", int: "int_value", float: "double_value"}
    return {"key": key, "value": {kinds[type(value)]: value}}


def ga4_row(one: Event) -> dict[str, Any]:
    """A row of the table, with whole numbers as numbers."""
    params = [param("ga_session_id", 17), param("page_location", one["url"])]
    if one["referrer"]:
        params.append(param("page_referrer", one["referrer"]))
    if one["total"] is not None:
        # GA4 writes a whole amount as an int, and others as doubles.
        total = one["total"]
        params.append(param("value", int(total) if total.is_integer() else total))
    items = []
    if one["sku"] is not None:
        items = [
            {"item_id": one["sku"], "price": 1.5, "quantity": 2},
            {"item_id": "other", "price": 0.5, "quantity": 1},
        ]
    micros = round(one["timestamp"].timestamp() * 1_000) * 1_000
    return {
        "event_date": f"{one['timestamp']:%Y%m%d}",
        "event_timestamp": micros,
        "event_name": one["type"],
        "event_params": params,
        "event_bundle_sequence_id": 5,
        "user_id": one["user_id"],
        "user_pseudo_id": one["anonymous_id"],
        "user_properties": [],
        "device": {"category": "mobile", "web_info": {"browser": "Firefox"}},
        "geo": {"country": "Netherlands"},
        "items": items,
        "batch_page_id": 1_709_300_000_000,
        "batch_ordering_id": 3,
        "batch_event_index": 1,
    }


def as_bigquery_json(value: Any) -> Any:
    """A row as BigQuery exports it: whole numbers as texts, and no nulls."""
    if isinstance(value, dict):
        return {k: as_bigquery_json(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [as_bigquery_json(each) for each in value]
    return str(value) if isinstance(value, int) else value


def write_ga4_json(path: Path, events: Sequence[Event]) -> Path:
    """The export as JSON Lines."""
    return write_lines(path, [as_bigquery_json(ga4_row(one)) for one in events])


def write_ga4_parquet(path: Path, events: Sequence[Event], groups: int = 100) -> Path:
    """The export as Parquet, in several row groups."""
    table = pa.Table.from_pylist([ga4_row(one) for one in events], GA4_SCHEMA)
    pq.write_table(table, path, row_group_size=groups)
    return path
