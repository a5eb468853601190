"""The observed range, declared and estimated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.errors import InputError
from zap.examples.observed import ObservedRange, estimate
from zap.times import DAY_US


def test_a_range_ends_after_it_begins() -> None:
    with pytest.raises(InputError, match="from=1970-01-02"):
        ObservedRange(DAY_US, DAY_US)
    declared = ObservedRange(0, DAY_US).to_dict()
    assert declared["until"] == "1970-01-02T00:00:00Z"
    assert declared["source"] == "declared"


@given(st.dictionaries(st.integers(-50, 30_000), st.integers(1, 5000), min_size=1))
def test_the_estimate_is_the_day_of_the_999th_event_of_a_thousand(
    days: dict[int, int],
) -> None:
    each = [day for day in sorted(days) for _ in range(days[day])]
    place = -(-999 * len(each) // 1000) - 1  # the first by which 99.9 % are over
    found = estimate(days)
    assert found.until_us == (each[place] + 1) * DAY_US
    assert found.from_us == each[0] * DAY_US
    assert found.source == "estimated"


def test_one_broken_clock_does_not_move_it_and_no_events_give_none() -> None:
    assert estimate({10: 5000, 20: 1}).until_us == 11 * DAY_US
    with pytest.raises(InputError, match="events=0"):
        estimate({})
