"""Instants against Python's own calendar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.errors import MappingError
from zap.events.timestamps import text_to_micros, to_instants


def result(cells: pa.Array, **options: str | None) -> list[datetime | str]:
    """Instants, or the reason of each failed cell."""
    converted = to_instants(cells, "ts", **options)
    found = converted.values.to_pylist()
    for failure in reversed(converted.failures):
        for place in np.flatnonzero(failure.mask):
            assert found[place] is None
            found[place] = failure.reason
    return found


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


TIMES = st.datetimes(datetime(1950, 1, 1), datetime(2037, 1, 1))


@given(times=st.lists(TIMES, max_size=20), zoned=st.lists(st.booleans(), min_size=20))
def test_iso_texts_with_and_without_offsets(
    times: list[datetime], zoned: list[bool]
) -> None:
    zone = ZoneInfo("Europe/London")
    texts, expected = [], []
    for time, has_zone in zip(times, zoned, strict=False):
        texts.append(time.isoformat() + ("+05:30" if has_zone else ""))
        shift = time.replace(tzinfo=UTC) - timedelta(hours=5, minutes=30)
        local = time.replace(tzinfo=zone).astimezone(UTC)
        shown = local.astimezone(zone).replace(tzinfo=None) == time
        expected.append(shift if has_zone else (local if shown else "nonexistent"))
    cells = pa.array(texts, pa.string())
    assert result(cells, timezone="Europe/London") == expected


@given(
    st.lists(st.integers(-(2**62), 2**62), max_size=9),
    st.sampled_from(["s", "ms", "us", "ns"]),
)
def test_whole_numbers_are_exact_whatever_their_column_type(
    values: list[int], unit: str
) -> None:
    factor = {"s": 10**6, "ms": 10**3, "us": 1}.get(unit)
    low, high = (
        int((at(y, 1, 1) - at(1970, 1, 1)) / timedelta(microseconds=1))
        for y in (1900, 2200)
    )
    expected: list[datetime | str] = []
    for value in values:
        micros = (
            value * factor
            if factor
            else int(value / abs(value or 1)) * (abs(value) // 1000)
        )
        inside = low <= micros < high
        expected.append(
            at(1970, 1, 1) + timedelta(microseconds=micros)
            if inside
            else "out_of_range"
        )
    assert result(pa.array(values, pa.int64()), unit=unit) == expected
    assert result(pa.array(map(str, values), pa.string()), unit=unit) == [
        e if isinstance(e, datetime) else "out_of_range" for e in expected
    ]


def test_fractions_of_numbers_are_rounded_to_microseconds() -> None:
    expected = [at(2021, 1, 1, 0, 3, 41, 123456), None, "unparsable"]
    numbers = pa.array([1609459421.1234560, float("nan"), float("inf")])
    assert result(numbers, unit="s") == expected
    texts = pa.array(["1609459421.123456", None, "soon", "1609459421"])
    assert result(texts, unit="s") == [*expected, at(2021, 1, 1, 0, 3, 41)]
    assert result(pa.array([float("inf")]), unit="s") == ["unparsable"]


def test_a_number_without_a_unit_is_never_guessed() -> None:
    with pytest.raises(MappingError, match="unit"):
        to_instants(pa.array([1609459421]), "ts")
    assert result(pa.array(["1609459421"])) == ["unparsable"]


def test_texts_as_databases_write_them() -> None:
    texts = [
        "2024-05-17 10:05:03 UTC",
        "2024-05-17 10:05:03.123456789Z",
        "2024-05-17T10:05:03 +0200",
        " 2024-05-17T10:05Z ",
        "2024-05-17",
        "2024-02-30T00:00:00Z",
        None,
    ]
    assert result(pa.array(texts)) == [
        at(2024, 5, 17, 10, 5, 3),
        at(2024, 5, 17, 10, 5, 3, 123456),
        at(2024, 5, 17, 8, 5, 3),
        at(2024, 5, 17, 10, 5),
        "no_zone",
        "unparsable",
        None,
    ]


def test_hours_that_a_zone_skips_or_repeats() -> None:
    texts = pa.array(["2011-03-27 01:30:00", "2011-10-30 01:30:00"])
    assert result(texts, timezone="Europe/London") == [
        "nonexistent",
        at(2011, 10, 30, 0, 30),
    ]


@given(
    st.lists(
        st.tuples(st.integers(1900, 2199), st.integers(1, 12), st.integers(1, 31)),
        max_size=9,
    )
)
def test_a_declared_format_knows_the_calendar(days: list[tuple[int, int, int]]) -> None:
    expected: list[datetime | str] = []
    for year, month, day in days:
        try:
            expected.append(at(year, month, day))
        except ValueError:
            expected.append("unparsable")
    cells = pa.array([f"{y:04}{m:02}{d:02}" for y, m, d in days], pa.string())
    assert result(cells, form="%Y%m%d", timezone="UTC") == expected


def test_formats_with_offsets_and_fractions() -> None:
    log = pa.array(["17/May/2015:10:05:03 +0200", "x"])
    assert result(log, form="%d/%b/%Y:%H:%M:%S %z") == [
        at(2015, 5, 17, 8, 5, 3),
        "unparsable",
    ]
    fraction = pa.array(["2015-05-17 10:05:03.5"])
    assert result(fraction, form="%Y-%m-%d %H:%M:%S.%f") == ["no_zone"]
    assert result(fraction, form="%Y-%m-%d %H:%M:%S.%f", timezone="UTC") == [
        at(2015, 5, 17, 10, 5, 3, 500_000)
    ]


def test_columns_that_are_times_already() -> None:
    time = datetime(2011, 7, 1, 12)
    london = at(2011, 7, 1, 11)
    for kind in ("s", "ms", "us", "ns"):
        cells = pa.array([time, None], pa.timestamp(kind))
        assert result(cells, timezone="Europe/London") == [london, None]
        assert result(cells) == ["no_zone", None]
        zoned = pa.array([london], pa.timestamp(kind, "America/New_York"))
        assert result(zoned) == [london]
    day = pa.array([time.date()], pa.date32())
    assert result(day, timezone="UTC") == [at(2011, 7, 1)]


def test_micros_of_iso_texts() -> None:
    assert text_to_micros("1970-01-02", None) == 86_400_000_000
    assert text_to_micros("1970-07-01T01:00:00", "Europe/Paris") == 181 * 86_400_000_000
