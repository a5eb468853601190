"""Day buckets of one subject: time to add an event and to encode, and their size."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np

from zap.encoding.aggregates import windows
from zap.encoding.day_buckets import DayBuckets
from zap.encoding.encoder import Encoder
from zap.encoding.fit import SketchSet, fit
from zap.encoding.instance import Instance
from zap.encoding.measures import distinct, gap, maximum, mean

DAY_US = 86_400_000_000
PER_DAY = 20


def online(days: int = 28, rounds: int = 5) -> None:
    """Print the table: 28 days of 20 events each."""
    of = ["count", "amount", mean("amount"), maximum("amount"), distinct("page"), gap()]
    given = windows([1, 7, 28], of=of, whole_days=True)
    instance = fit(Instance(types=["page_view"], aggregates=given), SketchSet())
    encoder = Encoder(instance)
    events = made(days)
    instant = days * DAY_US - 1
    buckets = DayBuckets.of(instance)
    add, from_days, from_events = [], [], []
    for _ in range(rounds):
        buckets = DayBuckets.of(instance)
        began = time.perf_counter()
        for event in events:
            buckets.add(event)
        add.append((time.perf_counter() - began) / len(events))
        began = time.perf_counter()
        one = encoder.encode_instance(events[-1:], instant, buckets)
        from_days.append(time.perf_counter() - began)
        began = time.perf_counter()
        other = encoder.encode_instance(events, instant)
        from_events.append(time.perf_counter() - began)
        assert one.metadata.values.tobytes() == other.metadata.values.tobytes()
    size = len(json.dumps(buckets.to_dict()))
    raw = len(json.dumps(events))
    print(f"| one subject, {len(events)} events over {days} days | |\n| --- | --- |")
    print(f"| adding an event | {min(add) * 1e6:.1f} microseconds |")
    print(f"| encoding, windows from buckets | {min(from_days) * 1e6:,.0f} |")
    print(f"| encoding, windows from all events | {min(from_events) * 1e6:,.0f} |")
    print(f"| buckets as JSON | {size:,} bytes |")
    print(f"| events as JSON, only the fields read | {raw:,} bytes |")


def made(days: int) -> list[dict[str, Any]]:
    """Evenly spread events."""
    draw = np.random.default_rng(0)
    return [
        {
            "timestamp": place * DAY_US // PER_DAY,
            "type": "page_view",
            "amount": round(float(draw.exponential(30)), 2),
            "page": f"/shop/category-{draw.integers(30)}/item-{draw.integers(50)}",
        }
        for place in range(days * PER_DAY)
    ]
