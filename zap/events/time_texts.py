"""Reads times that are texts, and puts local times into their zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from zap.events.cells import Failure, bisect, mask_of, note_failure
from zap.events.schema import TIMESTAMP

NAIVE = pa.timestamp("us")

# After a date and some of a time: Z, UTC, +hh, +hhmm or +hh:mm.
_HAS_ZONE = r"^.{10}[T ].*(Z|UTC|GMT|[+-]\d\d(:?\d\d)?)$"


def from_iso(
    cells: pa.Array, timezone: str | None, failures: list[Failure]
) -> pa.Array:
    """Texts of ISO 8601: all with an offset, all without, or mixed.

    Which of the first two is tried is told by the first text, since a cast that fails
    costs forty times one that does not.
    """
    sample = cells.drop_null().slice(0, 1)
    zoned = pc.any(pc.match_substring_regex(sample, _HAS_ZONE)).as_py() is True
    try:
        parsed = pc.cast(cells, TIMESTAMP if zoned else NAIVE)
    except pa.ArrowInvalid:
        return _from_mixed(pc.utf8_trim_whitespace(cells), timezone, failures)
    return parsed if zoned else in_zone(parsed, timezone, failures)


def _from_mixed(
    cells: pa.Array, timezone: str | None, failures: list[Failure]
) -> pa.Array:
    """Texts of which some name an offset; also "... UTC" and nanoseconds."""
    zoned = pc.match_substring_regex(cells, _HAS_ZONE)
    cells = pc.replace_substring_regex(cells, r" ?(UTC|GMT|Z)$", "Z")
    cells = pc.replace_substring_regex(cells, r"(\.\d{6})\d+", r"\1")
    cells = pc.replace_substring_regex(cells, r" ([+-]\d\d:?\d\d)$", r"\1")
    none = pa.scalar(None, pa.string())
    with_zone, bad = bisect(
        pc.if_else(zoned, cells, none), lambda part: pc.cast(part, TIMESTAMP), TIMESTAMP
    )
    naive, bad_naive = bisect(
        pc.if_else(zoned, none, cells), lambda part: pc.cast(part, NAIVE), NAIVE
    )
    note_failure(failures, bad | bad_naive, "unparsable", _ISO_WORDS)
    return pc.coalesce(with_zone, in_zone(naive, timezone, failures))


_ISO_WORDS = (
    "a time in ISO 8601 like 2024-05-17T10:05:03Z; for another form declare format, "
    "for numbers unit"
)


def in_zone(naive: pa.Array, timezone: str | None, failures: list[Failure]) -> pa.Array:
    """Local times of a zone as instants.

    Arrow's time zones end with the year 2037: from then on a zone's winter time holds
    all year.
    """
    if timezone is None:
        note_failure(
            failures,
            mask_of(pc.is_valid(naive)),
            "no_zone",
            "a time with an offset; add timezone to the mapping if all such times are "
            "of one zone",
        )
        return pa.nulls(len(naive), TIMESTAMP)

    def convert(part: pa.Array) -> pa.Array:
        local = pc.assume_timezone(part, timezone, ambiguous="earliest")
        return pc.cast(local, TIMESTAMP)

    values, bad = bisect(naive, convert, TIMESTAMP)
    words = f"a time that clocks in {timezone} have shown"
    note_failure(failures, bad, "nonexistent", words)
    return values


def from_format(
    cells: pa.Array, form: str, timezone: str | None, failures: list[Failure]
) -> pa.Array:
    """Texts of a declared format."""
    cells = pc.utf8_trim_whitespace(cells)
    if "%f" in form:
        parsed = _each_distinct(cells, lambda text: _strptime(text, form))
    else:
        parsed = pc.strptime(cells, format=form, unit="us", error_is_null=True)
        parsed = _without_rolled(cells, parsed, form)
    bad = mask_of(pc.and_(pc.is_valid(cells), pc.is_null(parsed)))
    note_failure(failures, bad, "unparsable", f"a time in the format {form!r}")
    if parsed.type.tz is not None:
        return pc.cast(parsed, TIMESTAMP)
    return in_zone(parsed, timezone, failures)


def _without_rolled(cells: pa.Array, parsed: pa.Array, form: str) -> pa.Array:
    """Null for days that no calendar has.

    The C library turns 31 February into 3 March. Such dates land on the first three
    days of a month, so only those are parsed again by Python, which refuses them.
    """
    early = pc.and_kleene(pc.less_equal(pc.day(parsed), 3), pc.is_valid(parsed))
    if not pc.any(early, min_count=0).as_py():
        return parsed
    none = pa.scalar(None, pa.string())
    checked = _each_distinct(
        pc.if_else(early, cells, none), lambda text: _strptime(text, form)
    )
    rolled = pc.and_kleene(early, pc.is_null(checked))
    return pc.if_else(rolled, pa.scalar(None, parsed.type), parsed)


def _strptime(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _each_distinct(
    cells: pa.Array, parse: Callable[[str], datetime | None]
) -> pa.Array:
    """Times by a Python function that sees each distinct text once."""
    encoded = cells.dictionary_encode()
    times = [parse(text) for text in encoded.dictionary.to_pylist()]
    zoned = any(time is not None and time.tzinfo is not None for time in times)
    distinct = pa.array(times, TIMESTAMP if zoned else NAIVE)
    return pc.take(distinct, encoded.indices)
