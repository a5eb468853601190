"""Finds a leaf in the JSON of an archived event, by the name of a column.

Most are dotted paths. What Snowplow's trackers attach is kept by schema, whose vendors
have dots of their own, and as lists; so contexts have the names that they have in
Snowplow's exports, and a mapping's columns need not be written anew.
"""

from __future__ import annotations

from typing import Any

from zap.events.json_rows import Leaf, leaf_of
from zap.events.snowplow_json import json_column

_CONTEXTS = "contexts"


def archived_leaf(name: str) -> Leaf:
    """A function that finds the leaf of a column.

    Args:
        name: a key or a dotted path; ``contexts.VENDOR/NAME.PATH`` is a leaf of the
            first context of that schema.

    Example:
        >>> find = archived_leaf("contexts.com.acme/product.sku")
        >>> find({"contexts": {"com.acme/product": [{"sku": "a1"}, {"sku": "b2"}]}})
        'a1'
    """
    column = json_column(name)
    if column is None or column.cell != _CONTEXTS or column.schema is None:
        return leaf_of(name)
    schema, within, plain = column.schema, column.leaf, leaf_of(name)

    def find(event: dict[str, Any]) -> Any:
        contexts = event.get(_CONTEXTS)
        entities = contexts.get(schema) if contexts.__class__ is dict else None
        if entities.__class__ is list and entities and entities[0].__class__ is dict:
            return within(entities[0])
        return plain(event)

    return find
