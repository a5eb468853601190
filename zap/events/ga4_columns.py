"""What a column's name means in GA4's BigQuery export, and the columns made of others.

- ``params.KEY`` is the value of an event's parameter, ``user_properties.KEY`` that of a
  user's property: whichever of string, int, float and double is set, as a text;
- ``items.FIELD`` is a field of the first item, ``items.count`` the number of items;
- every other name is a column of the export, or with dots a leaf of its records
  (``device.category``, ``ecommerce.purchase_revenue``);
- ``order`` and ``id`` are made of the three numbers of a batch, see below.

``order`` decides between events of one microsecond, of which a batch sent from a page
holds many, so a change of its rule changes the examples of datasets made of exports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from zap.events.cells import to_int, to_text

Cells = Mapping[str, pa.Array]

KEYED = {"params": "event_params", "user_properties": "user_properties"}
VALUES = ("string_value", "int_value", "float_value", "double_value")
ITEMS = "items"
COUNT = "count"

_BATCH = ("batch_page_id", "batch_ordering_id", "batch_event_index")
_ID = ("user_pseudo_id", "event_timestamp", "event_name", "event_bundle_sequence_id")
# Page ids are milliseconds since 1970: 41 bits until 2039, and 22 are left for these.
_BITS = 11


class Nested(NamedTuple):
    """A column that lies in a list of records.

    Attributes:
        column: of the export: event_params, user_properties or items.
        key: of the record in a list of keys and values; the field of an item.
    """

    column: str
    key: str


def nested_column(name: str) -> Nested | None:
    """What a column's name means, or None if it lies in no list."""
    first, dot, key = name.partition(".")
    if not dot or not key:
        return None
    if first == ITEMS:
        return Nested(ITEMS, key)
    return Nested(KEYED[first], key) if first in KEYED else None


def orders(cells: Cells) -> pa.Array:
    """The order in which a page sent its events; null where GA4 has no numbers.

    First the page, then the request within it, then the event within that.
    """
    most = 2**_BITS - 1
    page, request, event = (to_int(cells[name]).values for name in _BATCH)
    fits = pc.and_(pc.greater_equal(page, 0), pc.less(page, 2**41))
    page = pc.if_else(fits, page, pa.scalar(None, pa.int64()))
    low = pc.add(_shifted(_within(request, most)), _within(event, most))
    return pc.add(_shifted(_shifted(page)), low)


def _shifted(numbers: pa.Array) -> pa.Array:
    return pc.multiply(numbers, 2**_BITS)


def _within(numbers: pa.Array, most: int) -> pa.Array:
    return pc.max_element_wise(
        pc.min_element_wise(numbers, most, skip_nulls=False), 0, skip_nulls=False
    )


def ids(cells: Cells) -> pa.Array:
    """A text that names an event in whatever export it stands.

    It is null where one of its parts is: an older export, or an app's, has no numbers
    of a batch, and without them two honest events may look alike.
    """
    parts = [to_text(cells[name], name).values for name in (*_ID, *_BATCH)]
    return pc.binary_join_element_wise(*parts, "/")


DERIVED: dict[str, tuple[tuple[str, ...], Callable[[Cells], pa.Array]]] = {
    "order": (_BATCH, orders),
    "id": ((*_ID, *_BATCH), ids),
}
"""Column to those of the export that it is made of, and how."""


def base_columns(columns: Sequence[str]) -> list[str]:
    """The columns to read for these, each once."""
    bases = (base for name in columns for base in DERIVED.get(name, ((name,),))[0])
    return list(dict.fromkeys(bases))


def derive(columns: Sequence[str], cells: Cells) -> dict[str, pa.Array]:
    """The columns by name, of those that ``base_columns`` names."""
    return {
        name: DERIVED[name][1](cells) if name in DERIVED else cells[name]
        for name in columns
    }
