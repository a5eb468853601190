"""Durations and instants as people write them, in whole microseconds, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from zap.errors import GeneratorError

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")


def duration_us(what: str, **units: float | None) -> int | None:
    """The sum of the given units in microseconds, or None where none is given.

    Args:
        what: the name of the thing, for the error.
        **units: ``weeks``, ``days``, ``hours``, ``minutes``, ``seconds``.

    Raises:
        GeneratorError: an unknown unit, or a duration that is not above 0.

    Example:
        >>> duration_us("past", days=1, hours=12)
        129600000000
    """
    unknown = sorted(set(units) - set(_UNITS))
    if unknown:
        raise GeneratorError(
            f"{what} takes durations in {', '.join(_UNITS)}. "
            f"Received: {unknown[0]}={units[unknown[0]]!r}."
        )
    given = {name: value for name, value in units.items() if value is not None}
    if not given:
        return None
    try:
        total = round(timedelta(**given) / timedelta(microseconds=1))
    except (TypeError, OverflowError) as error:
        raise GeneratorError(
            f"{what} takes numbers as durations. Received: {given!r}."
        ) from error
    if total <= 0:
        raise GeneratorError(f"{what} takes a duration above 0. Received: {given!r}.")
    return total


def instant_us(text: str | datetime) -> int:
    """Microseconds since 1970 of an ISO date or date-time; UTC where no zone is given.

    Raises:
        GeneratorError: the text is no ISO 8601 date or date-time.

    Example:
        >>> instant_us("1970-01-02")
        86400000000
    """
    try:
        parsed = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise GeneratorError(
            "A time is an ISO 8601 date or date-time such as '2024-03-01' or "
            f"'2024-03-01T09:00:00Z'. Received: time={text!r}."
        ) from error
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    # Whole division: a quotient of floats is a microsecond off from the year 2255 on.
    return (parsed - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def iso(time_us: int) -> str:
    """The instant as ISO 8601 in UTC, such as ``1997-10-01T00:00:00Z``."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(time_us))
    return moment.isoformat().replace("+00:00", "Z")
