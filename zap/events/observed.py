"""For which time a set of sources is complete.

It is declared, or said by the names of the partitions; the last event's time would be
wrong: a quiet last hour, or a file that is not there yet, looks like people who did
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from zap.bigquery.names import is_bigquery
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.timestamps import text_to_micros, to_micros

# What strptime's directives tell of a time, beside the year.
_HOURS, _DAYS, _MONTHS = {*"HI"}, {*"djaAwuxc"}, {*"mbB"}


def observed_range(
    mapping: EventMapping, paths: Iterable[str]
) -> tuple[int, int] | None:
    """The observed range in microseconds, UTC: [from, until).

    Args:
        mapping: says the range, or the form of the partitions.
        paths: the files that are read.

    Returns:
        The range; None if the mapping says nothing of it.

    Raises:
        InputError: the mapping names partitions, but a path has none.
    """
    observed = mapping.observed
    if observed is None:
        return None
    if observed.start is not None and observed.until is not None:
        start = text_to_micros(observed.start, mapping.timezone)
        return start, text_to_micros(observed.until, mapping.timezone)
    assert observed.partitions is not None
    days = [partition_day(path, observed.partitions) for path in paths]
    if not days:
        return None
    if mapping.format == "archive":
        return _whole_days(days)
    last = _end_of(max(days), observed.partitions)
    return to_micros(min(days), mapping.timezone), to_micros(last, mapping.timezone)


def _whole_days(days: Sequence[datetime]) -> tuple[int, int]:
    """The days of an archive that are over: to its last one events are still added.

    They are those of the receipt, in UTC whatever the site's time zone.
    """
    if min(days) == max(days):
        raise InputError(
            "Expected an archive of two days or more, as the last day is not over "
            f"while events come in. Received: days={max(days):%Y-%m-%d}. Declare "
            "observed.from and observed.until."
        )
    return to_micros(min(days), "UTC"), to_micros(max(days), "UTC")


def _end_of(begin: datetime, form: str) -> datetime:
    """Where the partition ends that begins then: as long as the form is fine.

    An hour taken for a day would let labels look where there are no data yet.
    """
    named = set(re.findall("%(.)", form.replace("%%", "")))
    if "M" in named:
        return begin + timedelta(minutes=1)
    if named & _HOURS:
        return begin + timedelta(hours=1)
    if named & _DAYS:
        return begin + timedelta(days=1)
    if named & _MONTHS:
        return (begin + timedelta(days=31)).replace(day=1)
    return begin.replace(year=begin.year + 1)


def partition_day(path: str, form: str) -> datetime:
    """The day, or the time, that a part of a path names.

    Raises:
        InputError: no part of the path has this form.
    """
    parts = path.replace("\\", "/").split("/")
    if is_bigquery(path):
        parts = path.split(".")
    for part in reversed(parts):
        try:
            return datetime.strptime(part, form)
        except ValueError:
            continue
    raise InputError(
        f"Expected a part of the path in the form {form!r}, which the mapping's "
        f"observed.partitions declares. Received: path={path!r}. Move the file into "
        "such a partition, or declare observed.from and observed.until."
    )
