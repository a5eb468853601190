"""What a simulation is asked to be, checked before anything is made."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

from zap.errors import InputError

DAY_MS = 86_400_000
QUIET_MS = 3 * 3_600_000
"""No visit begins in the last three hours, so that all are seen to their end."""

_SHARES = ("bots", "duplicates", "late", "broken")


@dataclass(frozen=True)
class Settings:
    """All that the events of a simulated shop depend on.

    Attributes:
        events: about how many rows are made.
        days: for how many days, from the first.
        start: the first day, ISO 8601; it begins at midnight UTC.
        seed: of everything.
        bots: share of the rows that bots make, half of them declared, half disguised.
        duplicates: share of the rows that are sent again, with their id.
        late: share of the rows that are received minutes to days after they happened.
        broken: share of the rows that have no time, an absurd one, or no type.
        drift: how far the shop changes, from 0 (not at all) to 1 (much).
        drift_day: the day from which visits are of the changed shop, counted from 0.

    Raises:
        InputError: a setting is of a wrong type or outside of its range.
    """

    events: int = 1_000_000
    days: int = 56
    start: str = "2025-01-06"
    seed: int = 0
    bots: float = 0.05
    duplicates: float = 0.01
    late: float = 0.01
    broken: float = 0.001
    drift: float = 0.0
    drift_day: int = 28

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check_type(field.name, type(field.default))
        self._check("events", 1 <= self.events <= 10**11, "from 1 to 10**11")
        self._check("days", 1 <= self.days <= 3_650, "from 1 to 3650")
        self._check("seed", 0 <= self.seed < 2**63, "in [0, 2**63)")
        self._check("start", _is_date(self.start), "a date such as 2025-01-06")
        for name in _SHARES:
            share = getattr(self, name)
            self._check(name, 0 <= share <= 0.5, "a share from 0 to 0.5")
        self._check("drift", 0 <= self.drift <= 1, "from 0 to 1")
        self._check("drift_day", self.drift_day >= 0, "at least 0")

    @property
    def from_ms(self) -> int:
        """The first instant, in milliseconds since 1970."""
        return (date.fromisoformat(self.start) - date(1970, 1, 1)).days * DAY_MS

    @property
    def until_ms(self) -> int:
        """The end of the last day, exclusive, in milliseconds since 1970."""
        return self.from_ms + self.days * DAY_MS

    @property
    def drift_ms(self) -> int:
        """When the changed shop begins, in milliseconds since 1970."""
        return self.from_ms + self.drift_day * DAY_MS

    def to_dict(self) -> dict[str, Any]:
        """The settings as a JSON object."""
        return asdict(self)

    def _check_type(self, name: str, wanted: type) -> None:
        value = getattr(self, name)
        types = (int, float) if wanted is float else (wanted,)
        fits = isinstance(value, types) and not isinstance(value, bool)
        words = {int: "a whole number", float: "a number", str: "a text"}
        self._check(name, fits, words[wanted])

    def _check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise InputError(
                f"Expected {name} of the simulation to be {wanted}. "
                f"Received: {name}={getattr(self, name)!r}. Change this setting."
            )


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        return 1970 <= date.fromisoformat(text).year < 2150
    except ValueError:
        return False
