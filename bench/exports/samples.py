"""Files as large sites export them, of rows that repeat as theirs do."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FIRST = datetime(2024, 3, 1, tzinfo=UTC)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
IGLU = "iglu:com.snowplowanalytics.snowplow"
TSV_CELLS = 131


def made_row(rng: random.Random, number: int) -> dict[str, Any]:
    """What happened; each export says it in its own way."""
    return {
        "id": f"{rng.getrandbits(128):032x}",
        "visitor": f"v{rng.randrange(20_000)}",
        "time": FIRST + timedelta(milliseconds=137 * number),
        "url": f"https://shop.example/products/{rng.randrange(500)}?utm_source=news",
        "sku": f"S-{rng.randrange(300)}",
        "total": rng.randrange(100, 90_000) / 100,
        "buys": rng.random() < 0.1,
    }


def segment_line(row: dict[str, Any]) -> str:
    """A call of analytics.js in an archive of raw calls."""
    stamp = row["time"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    page = {"path": "/products", "referrer": "", "title": "Shop", "url": row["url"]}
    call = {
        "anonymousId": row["visitor"],
        "channel": "client",
        "context": {
            "ip": "192.0.2.1",
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
            "locale": "en-GB",
            "page": page,
            "userAgent": AGENT,
        },
        "event": "Order Completed" if row["buys"] else "Product Viewed",
        "integrations": {},
        "messageId": row["id"],
        "originalTimestamp": stamp,
        "properties": {"sku": row["sku"], "total": row["total"], "currency": "EUR"},
        "receivedAt": stamp,
        "sentAt": stamp,
        "timestamp": stamp,
        "type": "track",
        "userId": None,
    }
    return json.dumps(call) + "\n"


def snowplow_line(row: dict[str, Any]) -> str:
    """An enriched event with a self-describing one and two contexts."""
    stamp = row["time"].strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    data = {"total": row["total"]}
    own = {"schema": "iglu:com.shop/view/jsonschema/1-0-0", "data": data}
    contexts = [
        {"schema": f"{IGLU}/web_page/jsonschema/1-0-0", "data": {"id": row["id"]}},
        {
            "schema": "iglu:com.shop/product/jsonschema/1-0-0",
            "data": {"sku": row["sku"]},
        },
    ]
    cells = [""] * TSV_CELLS
    places = {0: "shop", 1: "web", 2: stamp, 3: stamp, 4: stamp, 5: "unstruct"}
    places |= {6: row["id"], 15: row["visitor"], 29: row["url"], 77: AGENT, 124: stamp}
    places[126] = "order" if row["buys"] else "view"
    outer = {"schema": f"{IGLU}/contexts/jsonschema/1-0-0", "data": contexts}
    places[52] = json.dumps(outer)
    outer = {"schema": f"{IGLU}/unstruct_event/jsonschema/1-0-0", "data": own}
    places[58] = json.dumps(outer)
    for place, cell in places.items():
        cells[place] = cell
    return "\t".join(cells) + "\n"


def ga4_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of an events table with 14 parameters."""
    texts = {f"custom_{number}": f"value {number}" for number in range(7)}
    texts |= {"page_location": row["url"], "page_title": "Shop", "sku": row["sku"]}
    whole = {"ga_session_id": 1_709_300_000, "ga_session_number": 3, "engaged": 1}
    params = [{"key": k, "value": {"string_value": v}} for k, v in texts.items()]
    params += [{"key": k, "value": {"int_value": v}} for k, v in whole.items()]
    params.append({"key": "value", "value": {"double_value": row["total"]}})
    return {
        "event_timestamp": round(row["time"].timestamp() * 1_000_000),
        "event_name": "purchase" if row["buys"] else "view_item",
        "event_params": params,
        "user_id": None,
        "user_pseudo_id": row["visitor"],
        "batch_page_id": 1_709_300_000_000,
        "batch_ordering_id": 1,
        "batch_event_index": 2,
    }


def ga4_line(row: dict[str, Any]) -> str:
    """The same as BigQuery writes JSON: whole numbers as texts, no nulls."""
    return json.dumps(_as_json(ga4_row(row))) + "\n"


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _as_json(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return str(value) if isinstance(value, int) else value


VALUE = pa.struct(
    [
        ("string_value", pa.string()),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("double_value", pa.float64()),
    ]
)
GA4_SCHEMA = pa.schema(
    [
        ("event_timestamp", pa.int64()),
        ("event_name", pa.string()),
        ("event_params", pa.list_(pa.struct([("key", pa.string()), ("value", VALUE)]))),
        ("user_id", pa.string()),
        ("user_pseudo_id", pa.string()),
        ("batch_page_id", pa.int64()),
        ("batch_ordering_id", pa.int64()),
        ("batch_event_index", pa.int64()),
    ]
)
LINES = {
    "segment.jsonl": segment_line,
    "snowplow.tsv": snowplow_line,
    "ga4.jsonl": ga4_line,
}


def write_samples(folder: Path, rows: int) -> dict[str, Path]:
    """A file of each export with the same events."""
    paths = {name: folder / f"{rows}-{name}" for name in (*LINES, "ga4.parquet")}
    for name, line in LINES.items():
        rng = random.Random(0)
        with paths[name].open("w", encoding="utf-8") as file:
            file.writelines(line(made_row(rng, number)) for number in range(rows))
    rng = random.Random(0)
    with pq.ParquetWriter(paths["ga4.parquet"], GA4_SCHEMA) as writer:
        for start in range(0, rows, 20_000):
            part = range(start, min(start + 20_000, rows))
            table = [ga4_row(made_row(rng, number)) for number in part]
            writer.write_table(pa.Table.from_pylist(table, GA4_SCHEMA))
    return paths


def write_states(folder: Path, rows: int) -> list[Path]:
    """Two states of a table; a tenth of the rows changes, a hundredth goes or comes."""
    paths = []
    for state in range(2):
        keys = range(state * rows // 100, rows + state * rows // 100)
        plans = ["paid" if state and key % 10 == 0 else "free" for key in keys]
        table = {"id": [*keys], "plan": plans, "seats": [key % 7 for key in keys]}
        table["country"] = [("NL", "GB", "US")[key % 3] for key in keys]
        paths.append(folder / f"{rows}-users_2024-03-{state + 1:02d}.parquet")
        pq.write_table(pa.table(table), paths[-1])
    return paths
