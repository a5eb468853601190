"""Events as a server has them: times, types of values, order, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from zap.encoding.columns import Categorical, Numeric
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, LinearBins
from zap.encoding.instance import ANY, Instance
from zap.encoding.metadata import Wait
from zap.encoding.past import moment_of
from zap.encoding.single import column_of, microseconds, one_cutoff, one_history
from zap.errors import EncodingError
from zap.serving.stores.look import known_us

ENCODER = Encoder(
    Instance(
        types=ANY,
        fields=[Hash("page"), LinearBins("amount", 1, 5)],
        wait=Wait(1, 10, 100, 20),
        hash_buckets=50,
    )
)


def test_moments_are_exact_whatever_their_form() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    there = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
    whole = microseconds(moment, "instant")
    assert whole == microseconds(there, "instant") == microseconds(whole, "instant")
    assert datetime.fromtimestamp(whole // 10**6, UTC) == moment.replace(microsecond=0)
    assert whole % 10**6 == 678901


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), 1.5, True, "2026", None])
def test_other_moments_are_refused(moment: Any) -> None:
    with pytest.raises(EncodingError, match=r"whole microseconds .* instant="):
        microseconds(moment, "instant")


def test_values_make_the_column_that_a_batch_has() -> None:
    numbers = column_of([1, 2.5, None, float("nan"), np.int64(3)], "x")
    assert isinstance(numbers, Numeric)
    assert np.array_equal(numbers.values, [1, 2.5, np.nan, np.nan, 3], equal_nan=True)
    flags = column_of([True, None, np.False_], "x")
    assert isinstance(flags, Categorical)
    assert (flags.codes.tolist(), flags.distinct) == ([0, -1, 1], ["true", "false"])
    mixed = column_of(["3", 3, 4.5, ["a", "b"]], "x")
    assert isinstance(mixed, Categorical)
    assert (mixed.codes.tolist(), mixed.distinct) == (
        [0, 0, 1, 2],
        ["3", "4.5", ("a", "b")],
    )
    times = column_of([datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)], "x")
    assert isinstance(times, Numeric) and times.values.tolist() == [1.5]


@pytest.mark.parametrize("value", [{}, b"x", [1], object()])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(EncodingError, match="Received: page="):
        ENCODER.encode_instance([{"timestamp": 0, "type": "a", "page": value}])


def test_an_event_without_a_type_is_refused() -> None:
    with pytest.raises(EncodingError, match="type=None"):
        ENCODER.encode_instance([{"timestamp": 0}])


def test_events_are_sorted_and_equal_times_stay_as_given() -> None:
    events = [
        {"timestamp": t, "type": "a", "page": p}
        for t, p in [(5, "c"), (1, "a"), (5, "d")]
    ]
    ordered = [events[1], events[0], events[2]]
    left, right = ENCODER.encode_instance(events), ENCODER.encode_instance(ordered)
    assert left.events.indices.tolist() == right.events.indices.tolist()
    swapped = ENCODER.encode_instance([events[1], events[2], events[0]])
    assert swapped.events.indices.tolist() != left.events.indices.tolist()


@pytest.mark.parametrize(
    ("received", "instant", "place"),
    [(None, None, 0), (3_000_000, None, 3), (3_000_000, 5_000_000, 5)],
)
def test_the_instant_is_given_or_the_last_events_own(
    received: int | None, instant: int | None, place: int
) -> None:
    event = {"timestamp": 0, "type": "a", "received_at": received}
    found = ENCODER.encode_instance([event], instant)
    assert found.metadata.indices.tolist() == [place]


@pytest.mark.parametrize(
    ("received", "moment"), [(None, 4), (9, 9), (4, 4), (1, 4), (-1, 4)]
)
def test_no_event_is_known_before_it_happened(
    received: int | None, moment: int
) -> None:
    """As in a batch, also where the clock that stamped it ran ahead of the server's."""
    event = {"timestamp": 4, "type": "a", "received_at": received}
    histories = one_history([event], [])
    assert one_cutoff([event], histories, None).instant_us.tolist() == [moment]
    assert moment_of([event], 4, None) == known_us(event) == moment


def test_no_events_make_an_empty_instance() -> None:
    found = ENCODER.encode_instance([])
    assert len(found.events) == 0 and len(found.metadata) == 1
    assert found.metadata.indices.tolist() == []
