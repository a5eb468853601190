"""Turns raw cells into instants: microseconds since 1970, UTC.

A clock is the part of raw data that is most often misread, so nothing is guessed: a
number needs a unit, a text without an offset needs the mapping's time zone, and a time
that a zone's clocks never showed is bad. Of a time that they showed twice, the earlier
instant is taken. What lies outside of ``EARLIEST``..``LATEST`` is bad too: it is the
sign of a wrong unit, and would stretch every computation over time.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.errors import MappingError
from zap.events.cells import (
    Converted,
    Failure,
    bisect,
    is_number,
    is_text,
    mask_of,
    note_failure,
    plain,
    without_nan,
)
from zap.events.schema import TIMESTAMP
from zap.events.time_texts import NAIVE, from_format, from_iso, in_zone

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def to_instants(
    cells: pa.Array,
    column: str,
    *,
    unit: str | None = None,
    form: str | None = None,
    timezone: str | None = None,
) -> Converted:
    """Cells as instants.

    Args:
        cells: texts, numbers, dates or timestamps.
        column: their column's name, for messages.
        unit: of numbers: s, ms, us or ns since 1970; also of texts that are numbers.
        form: the strptime format of texts; ISO 8601 where it is None.
        timezone: the zone of times that name no offset.

    Returns:
        timestamp[us, UTC], and the failures: unparsable, no_zone, nonexistent,
        out_of_range.

    Raises:
        MappingError: the column's type can be no time, or needs a unit.
    """
    cells = plain(cells)
    kind = cells.type
    failures: list[Failure] = []
    if pa.types.is_null(kind):
        return Converted(pa.nulls(len(cells), TIMESTAMP))
    if unit is not None and (is_number(kind) or is_text(kind)):
        values = _from_numbers(cells, unit, failures)
    elif is_text(kind) and form is not None:
        values = from_format(cells, form, timezone, failures)
    elif is_text(kind):
        values = from_iso(cells, timezone, failures)
    elif pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        values = _from_native(cells, timezone, failures)
    else:
        raise MappingError(
            "Expected a column of times, or of numbers with their unit. Received: "
            f'{column}={kind}. Write {{column = {column!r}, unit = "s"}} with the '
            "unit s, ms, us or ns, or name another column."
        )
    outside = mask_of(
        pc.or_(pc.less(values, EARLIEST), pc.greater_equal(values, LATEST))
    )
    if outside.any():
        words = "a time from 1900 to 2199; check the unit"
        failures.append(Failure(outside, "out_of_range", words))
        values = pc.if_else(pa.array(outside), pa.scalar(None, TIMESTAMP), values)
    return Converted(values, tuple(failures))


def _from_numbers(cells: pa.Array, unit: str, failures: list[Failure]) -> pa.Array:
    """Numbers since 1970. Whole ones are exact, others are rounded to microseconds."""
    words = f"a number of {unit} since 1970"
    if pa.types.is_integer(cells.type):
        return _from_integers(cells, unit, failures, words)
    if is_text(cells.type):
        # Told by each text alone, so that what is beside it changes nothing.
        cells = pc.utf8_trim_whitespace(cells)
        none = pa.scalar(None, pa.string())
        whole = pc.match_substring_regex(cells, r"^-?[0-9]{1,19}$")
        texts = pc.if_else(whole, cells, none)
        integers, large = bisect(
            texts, lambda part: pc.cast(part, pa.int64()), pa.int64()
        )
        exact = _from_integers(integers, unit, failures, words)
        rest = pc.if_else(pc.and_(whole, pa.array(~large)), none, cells)
        return pc.coalesce(exact, _from_floats(rest, unit, failures, words))
    if pa.types.is_floating(cells.type):
        cells = without_nan(cells)  # a number that is absent, as in other columns
    return _from_floats(cells, unit, failures, words)


def _from_integers(
    cells: pa.Array, unit: str, failures: list[Failure], words: str
) -> pa.Array:
    bad = np.zeros(len(cells), bool)
    if not pa.types.is_signed_integer(cells.type):
        cells, bad = bisect(cells, lambda part: pc.cast(part, pa.int64()), pa.int64())
    cells = pc.cast(cells, pa.int64())
    if unit != "ns":
        # What int64 cannot hold as microseconds; Arrow would refuse the whole column.
        most = np.iinfo(np.int64).max // (1_000_000 // _PER_SECOND[unit])
        within = pc.and_(pc.greater_equal(cells, -most), pc.less_equal(cells, most))
        bad |= mask_of(pc.invert(within))
        if bad.any():
            cells = pc.if_else(within, cells, pa.scalar(None, pa.int64()))
    note_failure(failures, bad, "out_of_range", words)
    instants = pc.cast(cells, pa.timestamp(unit, "UTC"))
    # Not safe only where digits beyond microseconds are cut off.
    return pc.cast(instants, TIMESTAMP, safe=unit != "ns")


def _from_floats(
    cells: pa.Array, unit: str, failures: list[Failure], words: str
) -> pa.Array:
    def convert(part: pa.Array) -> pa.Array:
        seconds = pc.cast(part, pa.float64(), safe=False)
        return pc.multiply(seconds, 1_000_000 / _PER_SECOND[unit])

    micros, bad = bisect(cells, convert, pa.float64())
    # NaN and what no int64 holds fail this comparison, so the cast below is exact.
    fits = mask_of(pc.less(pc.abs(micros), 2.0**62))
    bad |= ~fits & mask_of(pc.is_valid(micros))
    note_failure(failures, bad, "unparsable", words)
    rounded = pc.round(
        pc.if_else(pa.array(fits), micros, pa.scalar(None, pa.float64()))
    )
    return pc.cast(pc.cast(rounded, pa.int64()), TIMESTAMP)


def _from_native(
    cells: pa.Array, timezone: str | None, failures: list[Failure]
) -> pa.Array:
    kind = cells.type
    zoned = pa.types.is_timestamp(kind) and kind.tz is not None
    to = TIMESTAMP if zoned else NAIVE
    # Not safe only where digits beyond microseconds are cut off: a second or a day
    # that no int64 of microseconds holds would come out as some other time.
    safe = not (pa.types.is_timestamp(kind) and kind.unit == "ns")
    values, bad = bisect(cells, lambda part: pc.cast(part, to, safe=safe), to)
    note_failure(failures, bad, "out_of_range", "a time from 1900 to 2199")
    return values if zoned else in_zone(values, timezone, failures)


def text_to_micros(text: str, timezone: str | None) -> int:
    """Microseconds of an ISO date or time; without an offset in ``timezone`` or UTC."""
    return to_micros(datetime.fromisoformat(text), timezone)


def to_micros(time: datetime, timezone: str | None) -> int:
    """Microseconds of a time; without an offset it is of ``timezone`` or UTC."""
    if time.tzinfo is None:
        zone: tzinfo = ZoneInfo(timezone) if timezone else UTC
        time = time.replace(tzinfo=zone)
    micros = np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
    return int(micros.astype(np.int64))
