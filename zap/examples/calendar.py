"""Days and months as instants: the calendar that cutoff rules need, in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np

from zap.encoding.columns import IntArray
from zap.errors import GeneratorError
from zap.times import DAY_US, instant_us


def time_of_day(text: str) -> timedelta:
    """The time of day of "HH:MMZ" (or "HH:MM:SSZ"), from midnight UTC.

    Raises:
        GeneratorError: the text has another form.
    """
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?Z", str(text))
    if match is None:
        raise GeneratorError(
            f"A time of day is in UTC, such as '00:00Z'. Received: at={text!r}."
        )
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def months_between(first: str, until: str) -> list[datetime]:
    """The first days of the months ``first`` to ``until`` ("2011-03"), both included.

    Raises:
        GeneratorError: a month has another form, or ``until`` comes before ``first``.
    """
    begin, end = _month(first), _month(until)
    if end < begin:
        raise GeneratorError(
            "monthly() takes its first month before its last. "
            f"Received: first={first!r}, until={until!r}."
        )
    months = []
    while begin <= end:
        months.append(begin)
        begin = (begin + timedelta(days=32)).replace(day=1)
    return months


def month_instants(first: str, until: str, day: int, at: str) -> list[int]:
    """Microseconds of ``day`` at the time ``at`` of each month."""
    offset = timedelta(days=day - 1) + time_of_day(at)
    return [instant_us(month + offset) for month in months_between(first, until)]


def day_instants(from_us: int, until_us: int, at: str) -> IntArray:
    """Microseconds of every day at the time ``at`` in from_us..until_us."""
    offset = time_of_day(at) // timedelta(microseconds=1)
    first = -((offset - from_us) // DAY_US)
    return np.arange(first * DAY_US + offset, until_us, DAY_US, dtype=np.int64)


def _month(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except (TypeError, ValueError) as error:
        raise GeneratorError(
            f"A month is written as '2011-03'. Received: month={text!r}."
        ) from error
