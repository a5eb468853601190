"""Settings are checked before anything is made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from zap.errors import InputError
from zap.simulation.settings import Settings


@pytest.mark.parametrize(
    ("wrong", "wanted"),
    [
        ({"events": 0}, "from 1 to"),
        ({"events": 1e6}, "a whole number"),
        ({"events": True}, "a whole number"),
        ({"days": 0}, "from 1 to 3650"),
        ({"start": "2025-02-30"}, "a date"),
        ({"start": "20250101"}, "a date"),
        ({"seed": -1}, "in [0"),
        ({"bots": 0.51}, "a share"),
        ({"late": -0.1}, "a share"),
        ({"broken": float("nan")}, "a share"),
        ({"drift": 1.1}, "from 0 to 1"),
        ({"drift_day": -1}, "at least 0"),
    ],
)
def test_a_wrong_setting_is_named(wrong: dict, wanted: str) -> None:
    [(name, value)] = wrong.items()
    with pytest.raises(InputError) as raised:
        Settings(**wrong)
    assert f"Expected {name} " in str(raised.value)
    assert f"Received: {name}={value!r}" in str(raised.value)
    assert wanted in str(raised.value)


def test_instants_are_those_of_the_calendar() -> None:
    settings = Settings(start="2024-02-28", days=3, drift_day=2)
    for found, wanted in (
        (settings.from_ms, datetime(2024, 2, 28, tzinfo=UTC)),
        (settings.drift_ms, datetime(2024, 3, 1, tzinfo=UTC)),
        (settings.until_ms, datetime(2024, 3, 2, tzinfo=UTC)),
    ):
        assert found == wanted.timestamp() * 1_000


def test_settings_survive_json() -> None:
    settings = Settings(events=5, bots=0.25, start="1999-12-31")
    assert Settings(**settings.to_dict()) == settings
