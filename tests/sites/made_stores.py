"""Event streams and a store in memory, whose clock is set by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from made_events import HOUR_US, INSTANCE

from zap.encoding.aggregates import Aggregates
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import ANY, Instance
from zap.encoding.measures import distinct, gap, mean
from zap.encoding.metadata import Last
from zap.serving.stores.need import Need
from zap.serving.stores.pruning import Limits
from zap.serving.stores.sqlite import SqliteBackend
from zap.serving.stores.store import EventStore

Event = dict[str, Any]

SEQUENCE = dataclasses.replace(INSTANCE, metadata=(), wait=False, aggregates=None)
SHORT = dataclasses.replace(
    INSTANCE, last=1, fields=INSTANCE.fields[:1], metadata=(), wait=False
)
# Each asks for one thing alone that nothing else would keep.
INSTANCES: dict[str, Instance] = {
    "all": INSTANCE,
    "no windows": dataclasses.replace(INSTANCE, aggregates=None),
    "sequence": SEQUENCE,
    "long sequence": dataclasses.replace(SEQUENCE, lookback_days=None, last=2),
    "no comparison": dataclasses.replace(
        SHORT, aggregates=None, lookback_days=0.5, wait=INSTANCE.wait
    ),
    "windows": dataclasses.replace(
        SHORT,
        aggregates=Aggregates(
            [1 / 24, 1], of=["count", gap(), gap("sum")], scales=[(9_999, False)] * 6
        ),
    ),
    "days by type": dataclasses.replace(
        SHORT,
        aggregates=[
            Aggregates(
                [1],
                [gap(), mean("amount"), distinct("page")],
                by="type",
                types=["buy", "view"],
                scales=[(9e9, False)] * 3,
                whole_days=True,
            ),
        ],
    ),
    "change": dataclasses.replace(
        SHORT,
        aggregates=Aggregates([0.3], change=True, scales=[(5, False), (5, True)]),
    ),
    "any": Instance(
        types=ANY,
        last=2,
        fields=[Hash("type"), Hash("page", repeats="drop")],
        metadata=[Last("plan", Hash("plan"), types=["dimension.plan"])],
        hash_buckets=8,
        metadata_buckets=4,
    ),
    "any with gaps": Instance(
        types=ANY,
        last=1,
        fields=[Hash("type"), SincePrevious(1800, 7200, 86400, 12)],
        aggregates=Aggregates(
            [1 / 8], [gap()], by="type", types=["buy", "x"], scales=[(9e9, False)]
        ),
        hash_buckets=8,
    ),
}

_TIMES = st.integers(0, 60).map(lambda half: half * HOUR_US // 2)

EVENTS = st.fixed_dictionaries(
    {
        "timestamp": _TIMES,
        "received_at": st.none() | _TIMES,
        "type": st.sampled_from(["view", "view", "buy", "plan", "x", "dimension.plan"]),
        "page": st.sampled_from([None, "x", "y", "1", "", "a\x00b", "ü"]),
        "segments": st.none() | st.tuples(*[st.sampled_from("pqr")] * 3),
        "flag": st.none() | st.booleans(),
        "amount": st.none() | st.integers(-3, 25) | st.floats(-3, 25),
        "plan": st.sampled_from([None, "free", "pro"]),
        "sequence": st.sampled_from([None, None, 1, 2]),
        "anonymous_id": st.just("a"),
    }
)


class Clock:
    """A clock that is set."""

    def __init__(self, now_us: int = 0):
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us


def in_memory(clock: Clock, *needs: Need, **limits: Any) -> EventStore:
    """A store of its own."""
    backend = SqliteBackend(Path(":memory:"), 250)
    store = EventStore(backend, Limits(**limits), clock)
    store.keep(needs)
    return store


def known(event: Event) -> int:
    """When an event was known."""
    received = event["received_at"]
    return max(event["timestamp"], event["timestamp"] if received is None else received)


def in_order(events: list[Event]) -> list[Event]:
    """The total order, by a plain key; equal ones as they are listed."""
    return sorted(
        events,
        key=lambda e: (
            e["timestamp"],
            (1, 0) if e["sequence"] is None else (0, e["sequence"]),
            e["received_at"],
        ),
    )
