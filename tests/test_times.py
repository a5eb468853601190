"""Durations and instants as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.errors import GeneratorError
from zap.times import DAY_US, SECOND_US, duration_us, instant_us, iso

UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}


@given(st.dictionaries(st.sampled_from(sorted(UNITS)), st.integers(0, 400), min_size=1))
def test_a_duration_is_the_sum_of_its_units(units: dict[str, int]) -> None:
    total = sum(UNITS[name] * value for name, value in units.items()) * SECOND_US
    if total:
        assert duration_us("past()", **units) == total
    else:
        with pytest.raises(GeneratorError, match="above 0"):
            duration_us("past()", **units)


def test_parts_of_units_and_no_units() -> None:
    assert duration_us("past()", days=0.5) == DAY_US // 2
    assert duration_us("past()") is None
    assert duration_us("past()", days=None) is None


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ({"month": 1}, "weeks, days, hours, minutes, seconds. Received: month=1"),
        ({"days": "7"}, "takes numbers"),
        ({"days": -7}, "above 0"),
        ({"weeks": 1e12}, "takes numbers"),
    ],
)
def test_a_wrong_duration_is_named(units: dict[str, float], message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        duration_us("past()", **units)


@given(st.datetimes(datetime(1700, 1, 1), datetime(2500, 1, 1)))
def test_an_instant_survives_its_text(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    micros = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert instant_us(moment) == instant_us(aware) == micros
    assert instant_us(iso(micros)) == micros
    assert iso(micros).endswith("Z")


def test_an_instant_in_another_zone() -> None:
    assert instant_us("1970-01-01T02:00:00+02:00") == 0
    assert instant_us(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == 0
    assert instant_us("1970-01-02") == DAY_US
    assert instant_us("1970-01-01T00:00:01Z") == SECOND_US


@pytest.mark.parametrize("text", ["", "yesterday", "2011-13-01", None, 3])
def test_a_wrong_time_is_named(text: object) -> None:
    with pytest.raises(GeneratorError, match=r"ISO 8601 .*Received: time="):
        instant_us(text)  # type: ignore[arg-type]
