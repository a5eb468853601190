"""Windows of single instances are measured as in a batch, to the byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.encoding.aggregates import Aggregates
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, OneHot
from zap.encoding.instance import ANY, Instance
from zap.encoding.measures import MOST_DISTINCT, distinct, gap, maximum, mean, minimum
from zap.encoding.metadata import Last, Tenure
from zap.encoding.past import Unusual

HOUR_US = 3_600_000_000
GAPS = [gap(statistic) for statistic in ("sum", "mean", "minimum", "maximum")]
VALUES = ["count", "amount", mean("amount"), minimum("amount"), maximum("amount")]
OF = [*VALUES, distinct("amount"), distinct("page"), *GAPS]


def aggregates(days: Any, of: Any = OF, **options: Any) -> Aggregates:
    """Windows with scales that leave most numbers between 0 and 1."""
    made = Aggregates(days, of, **options)
    signed = [at % 3 == 0 or m.change for at, m in enumerate(made.measures)]
    scales = [(1e6 if at % 2 else 50, sign) for at, sign in enumerate(signed)]
    return Aggregates(days, of, **options, scales=scales)


WHOLE = ["count", "amount", mean("amount"), distinct("page"), gap("mean"), gap("sum")]
MEASURED = Instance(
    types=["view", "buy"],
    fields=[Hash("page")],
    metadata=[Last("plan", Hash("plan")), Tenure(3600, 7200, 864000, 8)],
    aggregates=[
        aggregates([1 / 24, 0.5, 1, 3], change=True),
        aggregates([0.25, 2], by="type", types=["buy", "never", "view", "other"]),
        aggregates([1, 2, 3], of=WHOLE, whole_days=True, change=True),
    ],
    hash_buckets=8,
    metadata_buckets=4,
)
ANY_TYPE = Instance(
    types=ANY,
    aggregates=aggregates([1], by="type", types=["view"], change=True),
    metadata=[Last("plan", OneHot("plan", values=["free"]))],
)
ENCODERS = [Encoder(MEASURED), Encoder(ANY_TYPE)]

LARGE = [1e9, -1e9, 9e9, 1e10, -1e300, 1e300, float("inf"), float("-inf")]
AMOUNTS = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.floats(-100, 100),
    st.sampled_from([0.0, -0.0, 1e-7, 5e-7, 0.1, 0.3, 2.5e-6, float("nan"), *LARGE]),
)
PAGES = st.sampled_from([None, "a", "b", "c", ["a"], ["a", "b"], ("a",), []])
EVENT = st.fixed_dictionaries(
    {
        "timestamp": st.integers(-8, 150).map(lambda half: half * HOUR_US // 2),
        "type": st.sampled_from(["view", "view", "buy", "other", "dimension.plan"]),
    },
    optional={
        "amount": AMOUNTS,
        "page": PAGES,
        "plan": st.sampled_from(["free", "pro", None]),
    },
)
INSTANTS = st.integers(-10, 160).map(lambda half: half * HOUR_US // 2)


def assert_alike(encoder: Encoder, events: Any, instant: Any = None) -> None:
    """The batch path's bytes, made without it."""
    expected = encoder.encode_as_batch(events, instant).metadata
    found = encoder.online.encode(events, instant)[1]
    for name in ("offsets", "indices", "values"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert (ours.dtype, ours.tolist()) == (theirs.dtype, theirs.tolist()), name


@settings(max_examples=300)
@given(st.sampled_from(ENCODERS), st.lists(EVENT, min_size=1, max_size=14), INSTANTS)
def test_numbers_are_those_of_a_batch(
    encoder: Encoder, events: Any, instant: int
) -> None:
    assert_alike(encoder, events, instant)
    assert_alike(encoder, events)


@settings(max_examples=60)
@given(st.lists(st.sampled_from([True, False, "true", None]), min_size=1, max_size=6))
def test_truths_are_numbers(amounts: Any) -> None:
    events = [
        {"timestamp": at * HOUR_US, "type": "view", "amount": amount}
        for at, amount in enumerate(amounts)
    ]
    assert_alike(ENCODERS[0], events)


def test_sums_beyond_64_bits_wrap_around_as_a_batch_does() -> None:
    for count in (1023, 1024, 1025, 2500):
        events = [
            {"timestamp": at, "type": "view", "amount": 1e12, "page": f"p{at}"}
            for at in range(count)
        ]
        assert count > MOST_DISTINCT
        assert_alike(ENCODERS[0], events)


@pytest.mark.parametrize("page", [1.0, -0.0, True, 3])
def test_a_field_of_texts_and_numbers_is_left_to_the_batch(page: Any) -> None:
    events = [
        {"timestamp": 0, "type": "other", "page": "1"},
        {"timestamp": 1, "type": "view", "page": 0.0},
        {"timestamp": 2, "type": "view", "page": page},
    ]
    encoder = ENCODERS[0]
    with pytest.raises(Unusual):
        encoder.online.encode(events, None)
    found, expected = encoder.encode_instance(events), encoder.encode_as_batch(events)
    assert found.digest == expected.digest


def test_results_do_not_share_memory() -> None:
    events = [{"timestamp": 5, "type": "view", "page": "a", "amount": 3}]
    first = ENCODERS[0].encode_instance(events)
    first.metadata.indices[:], first.metadata.values[:] = 7, np.float32(0.5)
    assert_alike(ENCODERS[0], events)
