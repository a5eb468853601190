"""The one Arrow schema of an event.

Flat columns only: a nested value cannot be filtered, hashed or shuffled in place, so a
mapping picks leaves and gives each its own column. The order and the types of the
canonical columns are part of what workers exchange; changing them costs a new version
of every stored history.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import pyarrow as pa

from zap.errors import MappingError
from zap.events.derived import DERIVED
from zap.events.tables import is_text, shown

ALWAYS_VALID = datetime(1900, 1, 1, tzinfo=UTC)
"""The timestamp of dimension rows that declare ``valid_from = "always"``.

It is the earliest time that an event can have. Such a row is known at no cutoff for
certain, and checks of leakage look for exactly this pair of type and time.
"""

PropertyType: TypeAlias = Literal["string", "int", "float", "bool", "timestamp"]

TIMESTAMP = pa.timestamp("us", "UTC")

PROPERTY_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": TIMESTAMP,
}

CANONICAL: tuple[pa.Field, ...] = (
    pa.field("event_id", pa.string()),
    pa.field("anonymous_id", pa.string()),
    pa.field("user_id", pa.string()),
    pa.field("timestamp", TIMESTAMP, nullable=False),
    pa.field("received_at", TIMESTAMP),
    pa.field("type", pa.string(), nullable=False),
    pa.field("url", pa.string()),
    pa.field("referrer", pa.string()),
    pa.field("user_agent", pa.string()),
    pa.field("sequence", pa.int64()),
    pa.field("group", pa.string()),
    pa.field("source", pa.string(), nullable=False),
    pa.field("row", pa.int64(), nullable=False),
)

CANONICAL_NAMES: tuple[str, ...] = tuple(field.name for field in CANONICAL)


def check_property_name(name: str) -> None:
    """Refuse a property that would hide a canonical or a derived field.

    Args:
        name: the property's name.

    Raises:
        MappingError: the name is empty or taken.
    """
    if is_text(name) and name not in CANONICAL_NAMES and name not in DERIVED:
        return
    raise MappingError(
        "Expected a property name that is not empty and is no field of every event. "
        f"Received: name={shown(name)}. Rename the property; its column may keep "
        "its name."
    )


def canonical_schema(properties: Mapping[str, PropertyType]) -> pa.Schema:
    """The schema of events with these properties.

    Args:
        properties: declared properties in order, name to type.

    Returns:
        The canonical columns followed by one column a property. Times are
        microseconds, UTC.

    Raises:
        MappingError: a name is taken, or a type is unknown.
    """
    columns = list(CANONICAL)
    for name, kind in properties.items():
        check_property_name(name)
        if kind not in PROPERTY_TYPES:
            raise MappingError(
                f"Expected a property type out of {', '.join(PROPERTY_TYPES)}. "
                f"Received: {name}={kind!r}. Declare one of these types."
            )
        columns.append(pa.field(name, PROPERTY_TYPES[kind]))
    return pa.schema(columns)
