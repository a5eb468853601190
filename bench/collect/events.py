"""Bodies as the clients of Segment post them: tracks of a shop, 700 bytes each."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime
from typing import Any

KEY = "bench-write-key"
PAGES = ("/", "/sale", "/shoes/1234", "/cart", "/checkout/address")
_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)


def bodies(events: int, count: int, seed: int = 0) -> list[str]:
    """Different bodies.

    Args:
        events: in each.
        count: how many.
        seed: of what is in them.
    """
    draw = random.Random(seed)
    return [_body(draw, events) for _ in range(count)]


def _body(draw: random.Random, events: int) -> str:
    now = datetime.now(UTC).isoformat()
    batch = [_event(draw, now) for _ in range(events)]
    return json.dumps({"writeKey": KEY, "sentAt": now, "batch": batch})


def _event(draw: random.Random, now: str) -> dict[str, Any]:
    page = draw.choice(PAGES)
    return {
        "type": "track",
        "event": draw.choice(("product_viewed", "product_added", "search")),
        "messageId": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
        "anonymousId": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
        "timestamp": now,
        "properties": {
            "product_id": str(draw.randrange(10_000)),
            "price": draw.randrange(1_000) / 10,
            "quantity": draw.randrange(1, 4),
            "category": draw.choice(("shoes", "coats", "bags")),
        },
        "context": {
            "library": {"name": "analytics.js", "version": "next-1.70.0"},
            "page": {
                "path": page,
                "url": f"https://shop.example{page}",
                "title": "A shop",
                "referrer": "https://www.google.com/",
                "search": "",
            },
            "userAgent": _AGENT,
            "locale": "en-GB",
        },
        "integrations": {},
    }
