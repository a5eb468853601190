"""Requests as the collector hands them to a protocol."""

from __future__ import annotations

import json
from typing import Any

from zap.collect.protocol import Request

RECEIVED_US = 1_700_000_005_250_000
TP2 = "/com.snowplowanalytics.snowplow/tp2"
SNOWPLOW = "iglu:com.snowplowanalytics.snowplow/"


def asked(
    body: Any = b"",
    path: str = TP2,
    method: str = "POST",
    query: bytes = b"",
    received_us: int = RECEIVED_US,
    address: str = "192.0.2.7",
    **headers: str,
) -> Request:
    """A request; a body that is no bytes is sent as JSON, headers by name with _."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {
        name.replace("_", "-").encode(): value.encode()
        for name, value in headers.items()
    }
    return Request(method, path, query, named, raw, received_us, address)


def batch(*events: Any) -> dict[str, Any]:
    """The body in which Snowplow's trackers post events."""
    return {"schema": SNOWPLOW + "payload_data/jsonschema/1-0-4", "data": [*events]}


def described(schema: str, data: Any) -> dict[str, Any]:
    """Data beside their schema."""
    return {"schema": schema, "data": data}


def unstruct(schema: str, data: Any) -> str:
    """An event of one's own as JSON."""
    outer = SNOWPLOW + "unstruct_event/jsonschema/1-0-0"
    return json.dumps(described(outer, described(schema, data)))


def contexts(*entities: Any) -> str:
    """Contexts as JSON."""
    return json.dumps(described(SNOWPLOW + "contexts/jsonschema/1-0-1", [*entities]))
