"""Subjects with events of every kind of value, as events and as a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from zap.encoding.aggregates import Aggregates
from zap.encoding.columns import (
    MISSING,
    Categorical,
    Column,
    Cutoffs,
    FlatHistories,
    Numeric,
    SparseRows,
)
from zap.encoding.features import (
    Hash,
    LinearBins,
    Normalize,
    OneHot,
    PowerBins,
    SincePrevious,
)
from zap.encoding.instance import ANY, Instance
from zap.encoding.measures import (
    Measured,
    distinct,
    gap,
    maximum,
    mean,
    minimum,
)
from zap.encoding.metadata import Last, Tenure, Wait

Event = dict[str, Any]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
OF_DAYS: list[Measured] = [
    "count",
    "amount",
    distinct("page"),
    distinct("amount"),
    distinct("type"),
    mean("amount"),
    minimum("amount"),
    maximum("amount"),
    gap(),
    gap("sum"),
]
TIME_FIELDS = ("page", "segments", "flag", "amount", "plan")

INSTANCE = Instance(
    types=["view", "buy"],
    last=3,
    lookback_days=2,
    fields=[
        PowerBins("amount", 1, 3, 20, 8, smooth=True),
        Hash("page"),
        Hash("segments", limit=2),
        Hash("flag", repeats="drop"),
        OneHot("page", values=["x", "1"]),
        OneHot("amount", -1, 3),
        Normalize("amount", -2, 8),
        LinearBins("amount", 2, 5),
        SincePrevious(1800, 7200, 86400, 12),
    ],
    metadata=[
        Last("plan", Hash("plan"), types=["plan"]),
        Last("amount", LinearBins("amount", 2, 4)),
        Tenure(3600, 7200, 864000, 8),
    ],
    wait=Wait(3600, 7200, 864000, 8),
    aggregates=[
        Aggregates(
            [1, 3],
            of=["count", "amount"],
            change=True,
            scales=[(5, False), (5, True), (9, True), (9, True)] * 2,
        ),
        Aggregates([1], by="type", types=["buy", "view"], scales=[(3, False)]),
    ],
    hash_buckets=8,
    metadata_buckets=4,
)

PAST_EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "timestamp": st.integers(0, 100).map(lambda hour: hour * HOUR_US // 2),
            "type": st.sampled_from(["view", "buy", "plan", "other"]),
            "page": st.sampled_from([None, "x", "y", "1", "", "a\x00b", "ü", "\ud800"]),
            "segments": st.none() | st.tuples(*[st.sampled_from("pqr")] * 3),
            "flag": st.none() | st.booleans(),
            "amount": st.none() | st.integers(-3, 25) | st.floats(-3, 25),
            "plan": st.sampled_from([None, "free", "pro"]),
        }
    ),
    max_size=8,
).map(lambda events: sorted(events, key=lambda event: event["timestamp"]))
SUBJECTS = st.lists(PAST_EVENTS, min_size=1, max_size=4)


def column(values: list[Any]) -> Column:
    """A column as batches have it, built without Zap's own code."""
    if any(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return Numeric(np.array([np.nan if v is None else float(v) for v in values]))
    plain = [str(v).lower() if isinstance(v, bool) else v for v in values]
    distinct = ["unused", *dict.fromkeys(v for v in plain if v is not None)]
    codes = [MISSING if v is None else distinct.index(v) for v in plain]
    return Categorical(np.array(codes, np.int32), distinct)


def flat(subjects: list[list[Event]]) -> FlatHistories:
    events = [event for subject in subjects for event in subject]
    return FlatHistories(
        offsets=np.cumsum([0, *map(len, subjects)]),
        time_us=np.array([event["timestamp"] for event in events], np.int64),
        columns={
            name: column([event[name] for event in events])
            for name in ("type", *TIME_FIELDS)
        },
    )


def all_cutoffs(subjects: list[list[Event]], later_us: int) -> Cutoffs:
    """Every position of every subject, at the last event's time or a while later."""
    found = []
    offset = 0
    for row, events in enumerate(subjects):
        for k in range(len(events) + 1):
            latest = events[k - 1]["timestamp"] if k else 0
            found.append((row, offset + k, latest + later_us))
        offset += len(events)
    subject, position, instant = np.array(found, np.int64).T
    return Cutoffs(subject, position, instant)


def same_bytes(left: SparseRows, right: SparseRows) -> bool:
    return all(
        getattr(left, name).dtype == getattr(right, name).dtype
        and getattr(left, name).tobytes() == getattr(right, name).tobytes()
        for name in ("offsets", "indices", "values")
    )


def pasts(
    subjects: list[list[Event]], cutoffs: Cutoffs
) -> list[tuple[list[Event], int]]:
    offsets = np.cumsum([0, *map(len, subjects)])
    return [
        (subjects[s][: p - offsets[s]], int(instant))
        for s, p, instant in zip(
            cutoffs.subject, cutoffs.position, cutoffs.instant_us, strict=True
        )
    ]


def retained(events: list[Event], instant: int) -> set[int]:
    reads = INSTANCE.reads
    kept = [i for i, event in enumerate(events) if event["type"] in INSTANCE.types]
    needed = set(kept[-reads.events :]) | set(kept[:1] if reads.first else [])
    since = instant - reads.windows_days * DAY_US
    needed |= {i for i in kept if events[i]["timestamp"] >= since}
    for field, types in reads.last:
        assert types is not ANY
        known = [
            i
            for i, event in enumerate(events)
            if event["type"] in types and event[field] is not None
        ]
        needed |= set(known[-1:])
    return needed
