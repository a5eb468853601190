"""Tables of days that GA4 may still change are told of."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from zap.cli.notes import note_changing

TABLE = "bigquery://shop-data.analytics_1.events_"


@pytest.mark.parametrize(
    ("today", "told"),
    [
        (date(2024, 3, 4), "20240301 to 20240302"),
        (date(2024, 3, 5), "20240302 to 20240302"),
        (date(2024, 3, 6), None),
    ],
)
def test_days_settle_after_three_more(
    today: date, told: str | None, capsys: Any
) -> None:
    paths = [TABLE + "20240301", "events_20240303.parquet", TABLE + "20240302"]
    note_changing(paths, today)
    said = capsys.readouterr().err
    assert (told in said) if told else not said
