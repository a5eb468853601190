"""Made-up visits to a shop, as canonical events, for leaks to be planted in."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from zap.events.mapping import EventMapping
from zap.events.schema import canonical_schema

FIRST = datetime(2024, 3, 1, tzinfo=UTC)
ALWAYS = datetime(1900, 1, 1, tzinfo=UTC)
PROPERTIES = {"page": "string", "amount": "float", "plan": "string"}
DEFINITION: dict[str, Any] = {
    "fields": {
        "timestamp": "time",
        "type": "event",
        "anonymous_id": "visitor",
        "user_id": "user",
        "received_at": "received",
    },
    "properties": {
        name: {"column": name, "type": kind} for name, kind in PROPERTIES.items()
    },
    "observed": {"from": "2024-03-01", "until": "2024-05-01"},
}
MAPPING = EventMapping.from_dict(DEFINITION)
PAGES = [f"/page/{number}" for number in range(12)]

Row = Mapping[str, Any]


def as_table(rows: Iterable[Row]) -> pa.Table:
    """Rows as canonical events; the row's number is its place."""
    full = [{"source": "made", "row": i, **row} for i, row in enumerate(rows)]
    return pa.Table.from_pylist(full, schema=canonical_schema(PROPERTIES))


def visit_rows(visitors: int = 150, seed: int = 0, late: float = 0.1) -> list[Row]:
    """One to three visits a visitor; some log in, some buy, some events come late.

    Args:
        visitors: how many.
        seed: other visits for another seed.
        late: share of events that are received up to two hours after they happened.
    """
    rng = random.Random(seed)
    rows: list[Row] = []
    for number in range(visitors):
        moment = FIRST + timedelta(seconds=rng.randrange(30 * 86_400))
        for _ in range(rng.randint(1, 3)):
            rows += _visit(rng, number, moment, late)
            moment += timedelta(hours=rng.randint(3, 90))
    return rows


def _visit(rng: random.Random, number: int, moment: datetime, late: float) -> list[Row]:
    keen = rng.random() < 0.4
    kinds = ["page_view"] * rng.randint(*((3, 9) if keen else (2, 6)))
    if rng.random() < 0.3:
        kinds.insert(rng.randrange(len(kinds)), "login")
    if keen and rng.random() < 0.7:
        kinds.append("purchase")
    rows, user = [], None
    for kind in kinds:
        user = f"u{number}" if kind == "login" else user
        weights = range(1, len(PAGES) + 1) if keen else range(len(PAGES), 0, -1)
        rows.append(
            {
                "anonymous_id": f"v{number}",
                "user_id": user,
                "timestamp": moment,
                "received_at": moment + _delay(rng, late),
                "type": kind,
                "page": rng.choices(PAGES, weights)[0],
                "amount": rng.lognormvariate(3, 1) if kind != "login" else None,
            }
        )
        moment += timedelta(seconds=rng.choice((2, 15, 40, 200, 600)))
    return rows


def _delay(rng: random.Random, late: float) -> timedelta:
    if rng.random() < late:
        return timedelta(seconds=rng.randrange(60, 7_200))
    return timedelta(seconds=rng.random())


def plan_rows(visitors: int, seed: int, since: datetime | None) -> list[Row]:
    """A row of a dimension for each visitor: the plan, from a time or from none.

    Args:
        visitors: how many.
        seed: of the plans.
        since: from when on the plans hold; None: nobody knows.
    """
    rng = random.Random(seed)
    return [
        {
            "anonymous_id": f"v{number}",
            "timestamp": since or ALWAYS,
            "type": "dimension.customers",
            "plan": rng.choice(("free", "small", "large")),
        }
        for number in range(visitors)
    ]


def line_rows(customers: int, seed: int) -> list[Row]:
    """Orders of several lines each, a minute apart.

    Args:
        customers: how many.
        seed: other orders for another seed.
    """
    rng = random.Random(seed)
    rows: list[Row] = []
    for number in range(customers):
        moment = FIRST + timedelta(seconds=rng.randrange(20 * 86_400))
        for order in range(rng.randint(1, 4)):
            for line in range(rng.randint(1, 4)):
                rows.append(
                    {
                        "anonymous_id": f"v{number}",
                        "timestamp": moment + timedelta(minutes=line),
                        "type": "order",
                        "group": f"order-{number}-{order}",
                        "amount": rng.lognormvariate(3, 1),
                    }
                )
            moment += timedelta(days=rng.randint(1, 9))
    return rows
