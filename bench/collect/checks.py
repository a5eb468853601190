"""``python -m bench.collect.checks``: what the checks of a source cost an event.

One event of a shop's browser (1.5 kB, four levels). Bare is jsonschema_rs alone, on the
same compiled schema; dump and copy are what else is done to an event. Each event is of
another page, more of them than are remembered. All in turns in one process, CPU time,
the median of the rounds.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson

from zap.collect.checks.checks import Checks
from zap.collect.checks.settings import CheckSettings, PrivacySettings

ROUNDS = 9
EVENTS = 5_000
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["total", "products"],
    "properties": {
        "total": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "email": {"type": "string", "format": "email"},
        "products": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku", "price"],
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
                    "price": {"type": "number"},
                },
            },
        },
    },
}
URL = "https://shop.example/checkout?email=ann%40example.com&utm_source=mail&step=2"
EVENT: dict[str, Any] = {
    "event_id": "8f1a8f9e-5b0e-4d61-9b3e-0c7f3d1c2b4a",
    "anonymous_id": "0b1c9d1e-7a55-4a0b-9a0d-6c1b1e2f3a4b",
    "user_id": "user-10482",
    "timestamp": 1_750_000_000_000_000,
    "received_at": 1_750_000_000_500_000,
    "type": "Order Completed",
    "source": "shop",
    "url": URL,
    "referrer": URL,
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/137.0",
    "properties": {
        "total": 79.9,
        "currency": "EUR",
        "email": "ann@example.com",
        "products": [
            {"sku": f"AB-{i}", "price": 9.5, "name": "A thing", "quantity": i}
            for i in range(4)
        ],
    },
    "context": {
        "ip": "203.0.113.77",
        "library": {"name": "analytics.js", "version": "next-1.70.0"},
        "page": {"url": URL, "referrer": URL, "path": "/checkout", "search": "?a=1"},
        "traits": {"email": "ann@example.com", "plan": "paid"},
        "locale": "en-GB",
        "timezone": "Europe/Berlin",
    },
}


def event_of(number: int) -> dict[str, Any]:
    """One event of many, each of another page."""
    url = f"{URL}&order={number}"
    page = {**EVENT["context"]["page"], "url": url, "referrer": url}
    context = {**EVENT["context"], "page": page}
    return {**EVENT, "url": url, "referrer": url, "context": context}


def setups(folder: Path) -> dict[str, CheckSettings]:
    """Sources by what they ask for."""
    (folder / "Order Completed.properties.json").write_bytes(orjson.dumps(SCHEMA))
    paths = PrivacySettings(drop=["properties.email", "context.traits.email"])
    hashed = PrivacySettings(
        hash=["context.traits.email", "properties.email"], hash_key_env="BENCH_KEY"
    )
    ids = PrivacySettings(hash=["user_id", "anonymous_id"], hash_key_env="BENCH_KEY")
    texts = PrivacySettings(truncate_addresses=True, drop_query=["email", "token"])
    everything = PrivacySettings(
        drop=["*.email"],
        hash=["user_id", "anonymous_id"],
        hash_key_env="BENCH_KEY",
        truncate_addresses=True,
        drop_query=["email", "token"],
    )
    return {
        "nothing": CheckSettings(),
        "schema": CheckSettings(schemas=str(folder)),
        "drop two places": CheckSettings(privacy=paths),
        "hash two places": CheckSettings(privacy=hashed),
        "hash both ids, wherever": CheckSettings(privacy=ids),
        "addresses and URLs, wherever": CheckSettings(privacy=texts),
        "all of it": CheckSettings(schemas=str(folder), privacy=everything),
    }


def cpu_us(work: Callable[[], object], times: int) -> float:
    """Microseconds of CPU that one call takes."""
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times * 1e6


def works(folder: Path) -> dict[str, Callable[[], object]]:
    """What is measured, by name; each gives an event back."""
    named = setups(folder)
    checks = Checks(named)
    bare = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)
    turn = cycle([[event_of(number)] for number in range(EVENTS)])
    found: dict[str, Callable[[], object]] = {
        "bare jsonschema_rs": lambda: bare.is_valid(EVENT["properties"]),
        "bare orjson.dumps": lambda: orjson.dumps(EVENT),
        "bare copy.deepcopy": lambda: copy.deepcopy(EVENT),
    }
    for name in named:
        kept, bad = checks.apply(name, next(turn))
        assert len(kept) == 1 and not bad, (name, bad)
        found[name] = lambda name=name: checks.apply(name, next(turn))  # type: ignore[misc]
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.collect.checks")
    parser.add_argument("--times", type=int, default=2_000)
    times = parser.parse_args().times
    os.environ["BENCH_KEY"] = "0123456789abcdef0123456789abcdef"
    with tempfile.TemporaryDirectory() as name:
        measured = works(Path(name))
        rounds = [
            {each: cpu_us(work, times) for each, work in measured.items()}
            for _ in range(ROUNDS)
        ]
    median = {each: statistics.median(r[each] for r in rounds) for each in measured}
    print("| checks of a source | us an event | of bare jsonschema_rs |")
    print("| --- | --- | --- |")
    for each, us in median.items():
        print(f"| {each} | {us:.2f} | {us / median['bare jsonschema_rs']:.2f} |")


if __name__ == "__main__":
    main()
