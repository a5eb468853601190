"""Single instances are encoded as the batch path does, to the byte and to the error.

The encoders live as long as the module, with caches of very few rows, so that what an
example finds is known, forgotten or half known from the ones before.
"""

from __future__ import annotations

import copy
import enum
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.encoding.aggregates import Aggregates
from zap.encoding.columns import SparseRows
from zap.encoding.encoder import EncodedInstance, Encoder
from zap.encoding.features import (
    Feature,
    Hash,
    LinearBins,
    Normalize,
    OneHot,
    PowerBins,
    SincePrevious,
)
from zap.encoding.instance import ANY, Instance
from zap.encoding.measures import distinct, gap, mean, minimum
from zap.encoding.metadata import Last, Tenure, Wait
from zap.encoding.row_cache import CacheLimits
from zap.encoding.values import as_categorical
from zap.errors import EncodingError

HOUR_US = 3_600_000_000
ROME = ZoneInfo("Europe/Rome")
SET_BACK = datetime(2025, 10, 26, 2, 30, tzinfo=ROME)  # comes twice


class Colour(str, enum.Enum):  # noqa: UP042  (formats as Colour.RED, equals "red")
    RED = "red"


class Longer(Feature, kind="test_longer"):
    """A kind that nobody foresaw: the length of a text decides."""

    fitted = True
    size = 3

    def entries(self, column: Any) -> Any:
        return OneHot(self.field, values=["red", "1", "a"]).entries(
            as_categorical(column)
        )


SINCE = SincePrevious(1800, 7200, 86400, 12)
EVERY_KIND = Instance(
    types=["view", "buy"],
    last=3,
    lookback_days=1,
    fields=[
        Hash("page"),
        PowerBins("amount", 1, 3, 20, 8, smooth=True),
        Hash("page", repeats="drop"),
        Hash("several", limit=2),
        Hash("several", limit=3, repeats="drop"),
        SINCE,
        OneHot("page", values=["x", "red", "1", "true"]),
        OneHot("amount", -1, 3),
        Normalize("amount", -2, 8),
        LinearBins("amount", 2, 5),
        SincePrevious(60, 600, 86400, 20),
    ],
    metadata=[
        Last("plan", Hash("plan"), types=["dimension.plan"]),
        Tenure(3600, 7200, 864000, 8),
        Last("amount", LinearBins("amount", 2, 4)),
        Last("page", OneHot("page", values=["red", "x"])),
        Last("plan", Hash("plan")),
    ],
    wait=Wait(3600, 7200, 864000, 8, smooth=True),
    hash_buckets=8,
    metadata_buckets=4,
)
TEXTS_ALONE = Instance(
    types=ANY,
    last=4,
    fields=[
        Hash("page"),
        Hash("agent.os"),
        Hash("several"),
        OneHot("type", values=["a", "b"]),
    ],
    metadata=[Last("plan", Hash("plan"), types=["dimension.plan"])],
    hash_buckets=50,
    metadata_buckets=50,
)
NOT_COMPARED = Instance(types=ANY, last=2, fields=[Normalize("amount", 0, 3)])
THE_TYPE = Instance(types=["view"], fields=[Hash("type")], hash_buckets=5)
AGGREGATED = Instance(
    types=["view", "buy"],
    fields=[Hash("page"), SINCE],
    metadata=[Last("plan", Hash("plan"))],
    aggregates=[
        Aggregates([1, 2], of=["count", "amount"], scales=[(5, False), (5, True)] * 2),
        Aggregates([1], by="type", types=["buy"], scales=[(3, False)]),
        Aggregates(
            [1 / 24, 1],
            of=[distinct("several"), mean("amount"), minimum("plan"), gap("maximum")],
            scales=[(5, True)] * 8,
        ),
        Aggregates(
            [1, 2],
            of=[distinct("amount"), gap()],
            scales=[(5, False)] * 4,
            whole_days=True,
        ),
    ],
    hash_buckets=8,
    metadata_buckets=4,
)
SMOOTH_SINCE = Instance(types=ANY, fields=[SincePrevious(60, 600, 86400, 20, True)])
UNKNOWN_KIND = Instance(types=ANY, fields=[Longer("page"), SINCE])
INSTANCES = [
    EVERY_KIND,
    TEXTS_ALONE,
    NOT_COMPARED,
    THE_TYPE,
    AGGREGATED,
    SMOOTH_SINCE,
    UNKNOWN_KIND,
]
ENCODERS = [
    Encoder(instance, cache=CacheLimits(rows))
    for instance in INSTANCES
    for rows in (0, 12, 8192)
]

# Equal or nearly so in Python, though they are not all encoded alike.
USUAL_TEXTS = st.sampled_from([None, "x", "y", "red", "1", "true", "", "ü", "\ud800"])
WHOLE = [None, 0, 1, 2, -1, 7, 25, 2**53 + 1, 10**400, Fraction(1)]
BROKEN = [1.0, 0.0, -0.0, 2.5, 1e-50, float(2**53), *map(float, ["nan", "inf", "-inf"])]
NUMBERS = st.sampled_from([*WHOLE, *BROKEN])
SCALARS = [True, False, np.True_, np.float64(1), np.float64("nan"), np.int64(1), "3", 3]
TIMES_AND_TEXTS = [np.str_("x"), Colour.RED, SET_BACK, SET_BACK.replace(fold=1)]
LISTS = [("x",), ("red", "1"), (), ["x"], ["red", "1"], [], (Colour.RED,)]
ODD = st.sampled_from([*SCALARS, *TIMES_AND_TEXTS, SET_BACK.astimezone(UTC), *LISTS])
BAD = st.sampled_from(
    [
        {},
        b"x",
        [1],
        (1,),
        (True,),
        ("x", 1),
        [["x"]],
        (["x"],),
        Decimal(1),
        1 + 0j,
        datetime(2025, 1, 1),
    ]
)
LISTED = [None, (), ("p",), ("p", "q"), ["p", "q"], ("q", "p", "p"), "p", Colour.RED]
TRUTHS = st.sampled_from([None, True, False, "true", np.False_])
TIMES = st.integers(0, 60).map(lambda half: half * HOUR_US // 2)
MOMENTS = st.one_of(
    TIMES,
    TIMES.map(np.int64),
    TIMES.map(
        lambda us: datetime(1970, 1, 1, tzinfo=ROME) + timedelta(microseconds=us)
    ),
)


def events_with(amounts: st.SearchStrategy[Any], pages: st.SearchStrategy[Any]) -> Any:
    """Some events, with those values, as different servers may have them."""
    event = st.fixed_dictionaries(
        {
            "timestamp": MOMENTS,
            "type": st.sampled_from(["view", "view", "buy", "other", "dimension.plan"]),
            "agent.os": st.sampled_from(["ios", "ios", "ios", "mac", None]),
            "several": st.sampled_from(LISTED),
            "plan": st.sampled_from([None, "free", "pro"]),
        },
        optional={
            "page": pages,
            "amount": amounts,
            "received_at": st.none() | MOMENTS,
            "more": st.just("!"),
        },
    )
    forms = st.sampled_from([dict, dict, dict, MappingProxyType, _with_default])
    return st.lists(event, max_size=8).flatmap(
        lambda events: forms.map(lambda form: [form(each) for each in events])
    )


def _with_default(event: dict[str, Any]) -> dict[str, Any]:
    return defaultdict(lambda: "invented", event)


USUAL = events_with(NUMBERS, USUAL_TEXTS)
TRUE_OR_FALSE = events_with(TRUTHS, NUMBERS)
MIXED = events_with(NUMBERS | USUAL_TEXTS | ODD, NUMBERS | USUAL_TEXTS | ODD)
WRONG = events_with(NUMBERS | BAD, USUAL_TEXTS | BAD | ODD)
INSTANTS = st.none() | MOMENTS


def as_bytes(rows: SparseRows) -> list[tuple[Any, ...]]:
    return [
        (array.dtype, array.shape, array.tobytes(), array.flags.writeable)
        for array in (rows.offsets, rows.indices, rows.values)
    ]


def outcome(function: Any, *args: Any) -> Any:
    """The bytes, or the error that a caller would see."""
    try:
        found: EncodedInstance = function(*args)
    except (EncodingError, OverflowError, AttributeError) as error:
        return type(error), str(error)
    return as_bytes(found.events), as_bytes(found.metadata)


def assert_alike(encoder: Encoder, events: Any, instant: Any = None) -> None:
    expected = outcome(encoder.encode_as_batch, events, instant)
    assert outcome(encoder.encode_instance, events, instant) == expected


@settings(max_examples=150)
@given(st.sampled_from(ENCODERS), USUAL | TRUE_OR_FALSE, INSTANTS)
def test_usual_events_are_encoded_as_in_a_batch(
    encoder: Encoder, events: Any, instant: Any
) -> None:
    assert_alike(encoder, events, instant)


@settings(max_examples=250)
@given(st.sampled_from(ENCODERS), MIXED | WRONG, INSTANTS)
def test_so_are_values_of_odd_types_and_so_are_errors(
    encoder: Encoder, events: Any, instant: Any
) -> None:
    assert_alike(encoder, events, instant)


ALMOST_EQUAL = [1, True, 1.0, "1", np.int64(1), np.True_, Decimal(1), 1 + 0j, (1,)]
ALMOST_EQUAL += ["true", 0.0, -0.0, False, None, float("nan"), "red", Colour.RED]
ALMOST_EQUAL += [SET_BACK, SET_BACK.replace(fold=1), ("red",), ["red"], (), 1.5]
ALMOST_EQUAL += [("red", 1), (["red"],), (Colour.RED,), ("",), ""]


@pytest.mark.slow
@pytest.mark.parametrize("instance", [EVERY_KIND, TEXTS_ALONE, UNKNOWN_KIND])
def test_no_value_finds_the_row_of_one_that_is_encoded_apart(instance: Any) -> None:
    encoder = Encoder(instance)
    for first in ALMOST_EQUAL:
        for then in ALMOST_EQUAL:
            for value in (first, then):
                for field in ("page", "amount", "plan", "several", "type"):
                    event = {"timestamp": 0, "type": "view", field: value}
                    assert_alike(encoder, [event])


def test_known_rows_are_found_and_forgotten_within_the_limits() -> None:
    encoder = Encoder(TEXTS_ALONE, cache=CacheLimits(rows=10))
    for number in range(100):
        events = [
            {"timestamp": 0, "type": "a", "page": page}
            for page in (f"p{number}", "always")
        ]
        assert_alike(encoder, events)
        assert len(encoder.online.cache) <= 10
    rows = encoder.online.cache.generation.rows
    assert {
        row.values[encoder.instance.reads.fields.index("page")] for row in rows.values()
    } >= {"always"}


def test_long_values_count_by_their_bytes() -> None:
    encoder = Encoder(TEXTS_ALONE, cache=CacheLimits(max_bytes=100_000))
    for number in range(300):
        event = {"timestamp": 0, "type": "a", "page": f"{number}" * 1000}
        assert_alike(encoder, [event])
        assert len(encoder.online.cache) < 100


def test_times_beyond_reason_are_the_batch_paths() -> None:
    for encoder in ENCODERS:
        for moment in (2**61 + 1, -(2**62), 2**63, True, 1.5, "now", None):
            assert_alike(encoder, [{"timestamp": moment, "type": "view"}], 5)
            assert_alike(encoder, [{"timestamp": 5, "type": "view"}], moment)
        assert_alike(encoder, [{"type": "view"}])
        assert_alike(encoder, [7])


def test_lookbacks_of_any_length_agree() -> None:
    events = [{"timestamp": t, "type": "view"} for t in (0, 5, 10**15)]
    for days in (1e-9, 1.0, 1e7, 1e9, 1e300):
        instance = Instance(["view"], fields=[SINCE], lookback_days=days)
        assert_alike(Encoder(instance), events)


def test_results_do_not_share_memory() -> None:
    encoder = Encoder(EVERY_KIND)
    events = [{"timestamp": 5, "type": "view", "page": "x", "amount": 3}]
    first = encoder.encode_instance(events)
    for rows in (first.events, first.metadata):
        rows.indices[:], rows.values[:] = 7, 0.5
    assert_alike(encoder, events)


def test_copies_know_no_events() -> None:
    encoder = Encoder(TEXTS_ALONE)
    encoder.encode_instance([{"timestamp": 5, "type": "a"}])
    other = copy.deepcopy(encoder)
    assert (len(encoder.online.cache), len(other.online.cache)) == (1, 0)
    assert other.fingerprint == encoder.fingerprint


def test_threads_may_share_an_encoder() -> None:
    encoder = Encoder(EVERY_KIND, cache=CacheLimits(rows=20))
    pasts = [
        [
            {"timestamp": t, "type": "view", "page": f"p{n % 7}", "amount": n * t % 5}
            for t in range(n % 5 + 1)
        ]
        for n in range(200)
    ]
    expected = [outcome(encoder.encode_as_batch, past) for past in pasts]
    wrong = []

    def work() -> None:
        for past, right in zip(pasts, expected, strict=True):
            if outcome(encoder.encode_instance, past) != right:
                wrong.append(past)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("limits", [{"rows": -1}, {"max_bytes": 1.5}])
def test_limits_are_checked(limits: Any) -> None:
    with pytest.raises(EncodingError, match="Received: "):
        CacheLimits(**limits)
