"""The observed range: the time for which the data are complete.

It is declared in the mapping or taken from partition names. Where neither is there it
is estimated from days: up to the end of the day by which 99.9 % of the events had
happened, never up to the last timestamp, since one broken clock would move that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zap.errors import InputError
from zap.times import DAY_US, iso

ESTIMATE_SHARE = 0.999


@dataclass(frozen=True)
class ObservedRange:
    """[from_us, until_us) in microseconds since 1970, UTC.

    Attributes:
        source: how it is known: "declared", "partitions" or "estimated".
    """

    from_us: int
    until_us: int
    source: str = "declared"

    def __post_init__(self) -> None:
        if self.from_us >= self.until_us:
            raise InputError(
                "The observed range must end after it begins. Received: "
                f"from={iso(self.from_us)}, until={iso(self.until_us)}."
            )

    def to_dict(self) -> dict[str, str]:
        """The range as ISO times, and its source."""
        return {
            "from": iso(self.from_us),
            "until": iso(self.until_us),
            "source": self.source,
        }


def estimate(events_by_day: Mapping[int, int]) -> ObservedRange:
    """The range of data that declare none.

    Args:
        events_by_day: number of events for each day, counted from 1970-01-01 UTC.

    Raises:
        InputError: there are no events.

    Example:
        >>> estimate({10: 5000, 11: 4000, 9999: 3}).to_dict()["until"]
        '1970-01-13T00:00:00Z'
    """
    total = sum(events_by_day.values())
    if not total:
        raise InputError(
            "Expected events to take the observed range from. Received: events=0."
        )
    days = sorted(events_by_day)
    seen = 0
    for day in days:
        seen += events_by_day[day]
        if seen >= ESTIMATE_SHARE * total:
            break
    return ObservedRange(days[0] * DAY_US, (day + 1) * DAY_US, "estimated")
