"""How often what a question names is there, against a loop over the rows."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from zap.examples import (
    ANY,
    Generator,
    Hash,
    Instance,
    Last,
    each,
    event,
    future,
    gt,
    past,
)
from zap.histories.named import FIELD, TYPE, Named

ROWS = [
    {"type": "view", "url": "https://shop/a", "price": None},
    {"type": "buy", "url": None, "price": 3.0},
    {"type": "view", "url": "https://shop/b", "price": None},
    {"type": "leave", "url": None, "price": 1.0},
]


class Buys(Generator):
    """Will they buy?"""

    cutoffs = each(event("view", **{"referrer.host": "elsewhere"}))
    eligible = past(days=1).count(event("search")) < 9
    label = future(days=7).any(event("buy", price=gt(2)))
    instance = Instance(
        types=["view"],
        fields=[Hash("url.path")],
        metadata=[Last("plan", types=["set_plan"])],
    )
    statistics = {"spent": past().sum("amount", event("pay"))}
    exclude = {"office": event("internal", office="yes")}


def test_all_but_exclusions_are_named() -> None:
    named = Named.of(Buys())
    assert named.types == ("buy", "pay", "search", "set_plan", "view")
    assert named.fields == ("amount", "plan", "price", "referrer", "url")


def test_any_type_names_none() -> None:
    class All(Generator):
        """Will they come back?"""

        cutoffs = each(event(ANY))
        label = future(days=7).any(event(ANY))
        instance = Instance(types=ANY, fields=[Hash("url")])

    assert Named.of(All()) == Named((), ("url",))


@pytest.mark.parametrize("coded", [False, True])
def test_counts_are_those_of_a_loop(coded: bool) -> None:
    named = Named(("buy", "search", "view"), ("gone", "price", "url"))
    batch = pa.RecordBatch.from_pylist(ROWS)
    if coded:
        columns = [
            column.dictionary_encode() if pa.types.is_string(column.type) else column
            for column in batch.columns
        ]
        batch = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    expected = Counter(TYPE + row["type"] for row in ROWS if row["type"] != "leave")
    for name in ("price", "url"):
        expected[FIELD + name] = sum(row[name] is not None for row in ROWS)
    found = named.count(batch)
    assert found == expected
    assert named.described(found) == {
        "types": {"buy": 1, "search": 0, "view": 2},
        "fields": {"gone": 0, "price": 2, "url": 2},
    }
    assert named.count(batch.slice(0, 0)) == Counter()
