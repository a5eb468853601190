"""Owners by links against a plain loop, however the links are cut up and merged."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.events.schema import canonical_schema
from zap.histories.identity import LINKED_AT, PERSON, resolved, without_subject
from zap.histories.links import (
    Links,
    first_links,
    links_among,
    links_of,
    merge_first_links,
    merge_links,
    resolve_links,
    shared_ids,
)

BASE = datetime(2024, 1, 1, tzinfo=UTC)
HOUR_US = 3_600_000_000
START_US = int(BASE.timestamp()) * 1_000_000
Row = dict[str, Any]

rows_of_events = st.lists(
    st.fixed_dictionaries(
        {
            "anonymous_id": st.sampled_from([None, "a", "b", "c", ""]),
            "user_id": st.sampled_from([None, None, "u", "v", "a"]),
            "t": st.integers(0, 9),
            "lag": st.sampled_from([None, 0, 4, 9, -1]),
        }
    ),
    max_size=14,
)


def batch_of(rows: Iterable[Row]) -> pa.RecordBatch:
    events = [
        {
            "anonymous_id": row["anonymous_id"],
            "user_id": row["user_id"],
            "timestamp": BASE + timedelta(hours=row["t"]),
            "received_at": None
            if row["lag"] is None
            else BASE + timedelta(hours=row["t"] + row["lag"]),
            "type": "x",
            "source": "s",
            "row": place,
        }
        for place, row in enumerate(rows)
    ]
    return pa.RecordBatch.from_pylist(events, schema=canonical_schema({}))


def known(row: Row) -> int:
    return row["t"] + max(row["lag"] or 0, 0)


def links_to(name: str | None, rows: list[Row]) -> list[Row]:
    found = [r for r in rows if r["anonymous_id"] == name and name is not None]
    return [r for r in found if r["user_id"] is not None]


def first_known(links: list[Row]) -> Row:
    return min(links, key=lambda r: (known(r), r["t"], r["user_id"]))


def person(row: Row, rows: list[Row]) -> str | None:
    """The owner of an event, from the words."""
    name, user = row["anonymous_id"], row["user_id"]
    if user is not None:
        return f"user:{user}"
    links = links_to(name, rows)
    if not links:
        return None if name is None else f"anonymous:{name}"
    before = [r for r in links if r["t"] <= row["t"] and known(r) <= known(row)]
    if not before:
        return f"user:{first_known(links)['user_id']}"
    return f"user:{max(before, key=lambda r: (r['t'], r['user_id']))['user_id']}"


@pytest.mark.slow
@settings(max_examples=300)
@given(rows_of_events)
def test_every_event_has_the_owner_of_the_plain_loop(rows: list[Row]) -> None:
    table, counts = resolved(pa.Table.from_batches([batch_of(rows)]))
    assert table.column(PERSON).to_pylist() == [person(row, rows) for row in rows]
    since = [links_to(row["anonymous_id"], rows) for row in rows]
    assert table.column(LINKED_AT).to_pylist() == [
        BASE + timedelta(hours=known(first_known(links))) if links else None
        for links in since
    ]
    both = [r for r in rows if r["anonymous_id"] is not None and r["user_id"]]
    pairs = {(r["anonymous_id"], r["user_id"]) for r in both}
    assert counts["identity.links"] == len(pairs)
    assert counts["identity.persons"] == len({user for _, user in pairs})


def merged(parts: list[list[Row]], depth: int) -> Links:
    """The links of many batches, merged in so many steps."""
    tables = [links_of(batch_of(part)) for part in parts]
    firsts = [first_links(table) for table in tables]
    for _ in range(depth):
        half = len(firsts) // 2
        firsts = [merge_first_links(firsts[:half]), merge_first_links(firsts[half:])]
    first = merge_first_links(firsts)
    shared = shared_ids(first)
    chosen = [merge_links([links_among(table, shared)]) for table in tables]
    return resolve_links(first, merge_links(chosen))


@settings(max_examples=100)
@given(rows=rows_of_events, data=st.data())
def test_links_merge_in_any_order_and_any_pieces(
    rows: list[Row], data: st.DataObject
) -> None:
    whole = merged([rows], 0)
    mixed = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    edges = [0, *cuts, len(rows)]
    parts = [mixed[a:b] for a, b in itertools.pairwise(edges)]
    again = merged(parts, data.draw(st.integers(0, 2)))
    for name in vars(whole).keys() - {"places", "_index"}:
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name


def test_only_shared_ids_need_all_their_links() -> None:
    """A user with many links of one id adds one row to what all workers hold."""
    rows: list[Row] = [
        {"anonymous_id": f"d{i % 50}", "user_id": f"u{i % 50}", "t": i, "lag": None}
        for i in range(1_000)
    ]
    rows += [
        {"anonymous_id": "d0", "user_id": name, "t": 5_000 + i, "lag": None}
        for i, name in enumerate(["v", "u0", "v"])
    ]
    links = merged([rows[:500], rows[500:]], 0)
    assert (links.pairs, len(links.ids)) == (51, 50)
    assert len(links.time_us) == 20 + 3
    assert links.counts()["identity.switches"] == 3


def test_events_that_tell_nobody_are_counted() -> None:
    rows = [
        {"anonymous_id": a, "user_id": u, "t": 0, "lag": None}
        for a, u in ((None, None), ("a", None), (None, "u"), (None, None))
    ]
    batch = batch_of(rows)
    assert without_subject(batch, PERSON) == 2
    assert without_subject(batch, "user_id") == 3
