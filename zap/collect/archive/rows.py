"""Events as rows of the archive: columns of every event, the rest as one JSON text.

Nothing is refused here: an event was acknowledged before it came here, and a sink that
raised because of one event would never get past it. What does not fit a column stays
in ``data`` under its own name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import orjson
import pyarrow as pa

from zap.collect.event import TEXTS, TIMES, Event
from zap.events.archive_rows import DATA, SCHEMA
from zap.events.json_rows import text_of

Numbered: TypeAlias = tuple[int, Event]

_TEXTS = (*TEXTS, "type", "source")
_COLUMNS = frozenset((*_TEXTS, *TIMES))
_INT64 = range(-(2**63), 2**63)


def archive_batch(events: Sequence[Numbered]) -> pa.RecordBatch:
    """Events as rows in the archive's schema.

    Args:
        events: each with its number in the spool, which becomes its ``sequence``.

    Returns:
        One row an event, in their order.
    """
    rests = [
        {name: value for name, value in event.items() if name not in _COLUMNS}
        for _, event in events
    ]
    columns: dict[str, list[Any]] = {"sequence": [number for number, _ in events]}
    for name in _TEXTS:
        columns[name] = _column(name, events, rests, str, text_of)
    for name in TIMES:
        columns[name] = _column(name, events, rests, int, _time)
    columns[DATA] = [orjson.dumps(rest) if rest else None for rest in rests]
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _column(
    name: str,
    events: Sequence[Numbered],
    rests: Sequence[dict[str, Any]],
    kind: type,
    convert: Callable[[Any], Any],
) -> list[Any]:
    """A field of all events; values that do not fit go to the rests.

    Args:
        name: the field.
        events: they all.
        rests: what of them has no column of its own; may be added to.
        kind: the type that values have as a rule.
        convert: gives a value that fits, or raises TypeError.
    """
    values = [event.get(name) for _, event in events]
    if _fit(values, kind):
        return values
    for place, value in enumerate(values):
        if value is not None:
            try:
                values[place] = convert(value)
            except TypeError:
                values[place], rests[place][name] = None, value
    return values


def _fit(values: Sequence[Any], kind: type) -> bool:
    """Whether values can stay as they are, which nearly all can."""
    if not {*map(type, values)} <= {type(None), kind}:
        return False
    return kind is str or all(value is None or value in _INT64 for value in values)


def _time(value: Any) -> int:
    """Microseconds since 1970, as they are."""
    if value.__class__ is not int or value not in _INT64:
        raise TypeError
    return int(value)
