"""One subject's events, as a server has them, in the layout of a batch.

Types follow the values: numbers make a numeric column, booleans and texts a
categorical one, times are seconds since 1970. That is how columns of the same types
arrive in a batch.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from zap.encoding.columns import (
    MISSING,
    Categorical,
    Column,
    Cutoffs,
    FlatHistories,
    Numeric,
)
from zap.encoding.hashing import as_float, canonical_text
from zap.encoding.values import as_categorical
from zap.errors import EncodingError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def one_history(
    events: Sequence[Mapping[str, Any]], fields: Sequence[str]
) -> FlatHistories:
    """The events as the history of one subject.

    Args:
        events: see ``Encoder.encode_instance``.
        fields: the fields wanted; a field that no event has is a column of nothing.

    Raises:
        EncodingError: a timestamp or type is missing, or a value cannot be encoded.
    """
    times = [microseconds(event.get("timestamp"), "timestamp") for event in events]
    order = sorted(range(len(events)), key=times.__getitem__)
    ordered = [events[i] for i in order]
    columns = {
        field: column_of([event.get(field) for event in ordered], field)
        for field in fields
    }
    kinds = [event.get("type") for event in ordered]
    for kind in kinds:
        if not isinstance(kind, str):
            raise EncodingError(
                f"An event needs a type, a text. Received: type={kind!r}. Add the type."
            )
    columns["type"] = as_categorical(column_of(kinds, "type"))
    return FlatHistories(
        offsets=np.array([0, len(events)]),
        time_us=np.array([times[i] for i in order], np.int64),
        columns=columns,
    )


def one_cutoff(
    events: Sequence[Mapping[str, Any]],
    histories: FlatHistories,
    instant: datetime | int | None,
) -> Cutoffs:
    """The cutoff after all events of the one subject.

    Args:
        events: see ``Encoder.encode_instance``.
        histories: the same events; see ``one_history``.
        instant: see ``Encoder.encode_instance``.
    """
    if instant is not None:
        moment = microseconds(instant, "instant")
    elif not len(events):
        moment = 0
    else:
        latest = int(histories.time_us[-1])
        event = [e for e in events if microseconds(e["timestamp"], "") == latest][-1]
        received = event.get("received_at")
        moment = (
            latest  # as in a batch: known once received, and not before it happened
        )
        if received is not None:
            moment = max(latest, microseconds(received, "received_at"))
    return Cutoffs(
        subject=np.zeros(1, np.int64),
        position=np.array([histories.events]),
        instant_us=np.array([moment]),
    )


def microseconds(moment: Any, name: str) -> int:
    """A moment as microseconds since 1970, UTC.

    Raises:
        EncodingError: neither whole microseconds nor a datetime with a time zone.
    """
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return (moment - _EPOCH) // _MICROSECOND
    if isinstance(moment, numbers.Integral) and not isinstance(moment, bool):
        return int(moment)
    raise EncodingError(
        f"{name} must be whole microseconds since 1970 or a datetime with a time zone. "
        f"Received: {name}={moment!r}."
    )


def column_of(values: Sequence[Any], field: str) -> Column:
    """The column of some values; None and NaN are missing.

    Args:
        values: texts, numbers, booleans, datetimes, or lists of text.
        field: their name, for errors.

    Raises:
        EncodingError: a value of another type.
    """
    plain = [plain_value(value, field) for value in values]
    present = [value for value in plain if value is not None]
    if all(isinstance(value, float) for value in present):
        return Numeric(np.array([np.nan if v is None else v for v in plain], float))
    texts = [canonical_text(v) if isinstance(v, float) else v for v in plain]
    code: dict[Any, int] = {}
    codes = [MISSING if v is None else code.setdefault(v, len(code)) for v in texts]
    return Categorical(np.array(codes, np.int32), list(code))


def plain_value(value: Any, field: str) -> Any:
    """A float, a text, a tuple of texts, or None where nothing is there.

    A text of a class of its own, such as a member of an enumeration, is the text that
    it equals, however that class may format it.

    Raises:
        EncodingError: a value of another type.
    """
    if value is None:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bool, np.bool_)):
        return canonical_text(value)
    if isinstance(value, numbers.Real):
        number = as_float(value)
        return None if math.isnan(number) else number
    if isinstance(value, datetime):
        return microseconds(value, field) / 1e6
    if isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value):
        return tuple(map(str.__str__, value))
    raise EncodingError(
        "An event's field must be text, a number, a boolean, a time or a list of text. "
        f"Received: {field}={value!r}. Leave it out, or map it to one of these."
    )
