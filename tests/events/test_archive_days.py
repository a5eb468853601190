"""Which days of an archive a job takes."""

from __future__ import annotations

from datetime import date

import pytest

from zap.events.archive_days import newest_days

DAYS = [date(2026, 3, day) for day in (1, 2, 4, 9)]


@pytest.mark.parametrize(
    ("today", "count", "wanted"),
    [
        (date(2026, 3, 9), 2, DAYS[-2:]),
        (date(2026, 4, 1), 9, DAYS),
        (date(2026, 3, 5), 2, DAYS[1:]),  # the ninth is of a clock that was wrong
        (date(2026, 2, 1), 1, DAYS),
    ],
)
def test_a_day_to_come_takes_no_other_s_place(
    today: date, count: int, wanted: list[date]
) -> None:
    assert newest_days(DAYS, count, today) == wanted
    assert newest_days([], count, today) == []
