"""When something happened, told by a clock that may be wrong as long as it is steady.

Segment's sum, which others took over: the receipt by our clock, less the time that a
call has waited at the client, by the client's clock.
"""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST_US = -2_208_988_800_000_000
"""1900. What is earlier is no time of an event, but a wrong unit or an empty field."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(text: object) -> int:
    """Microseconds since 1970 of a time in ISO 8601; UTC where it names no zone.

    Raises:
        ValueError: it is no text, or no such time.

    Example:
        >>> micros("1970-01-01T01:00:00.000001+01:00")
        1
    """
    if type(text) is not str:
        raise ValueError(f"a {type(text).__name__} is no time")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    gap = moment - _EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def corrected(happened_us: int, sent_us: int | None, received_us: int) -> int:
    """When something happened by our clock; never later than it was received.

    Args:
        happened_us, sent_us: by the client's clock; without the second the first
            stands as it is.
        received_us: by ours.

    Example:
        A call of ten o'clock waited five units, whatever the client took for ten.

        >>> corrected(1_000, 1_005, 90)
        85
    """
    if sent_us is None:
        return min(happened_us, received_us)
    waited_us = sent_us - happened_us
    return received_us - waited_us if waited_us > 0 else received_us
