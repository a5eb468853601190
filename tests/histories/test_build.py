"""Clean histories against plain loops over the rows that were read."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.events.mapping import EventMapping
from zap.histories.batch import session_bounds
from zap.histories.build import HistorySettings, build_histories
from zap.histories.subjects import subject_hash

MINUTE_US = 60_000_000
Row = dict[str, Any]
FIELDS = {"uid", "amount", "lines", "flag", "url.host", "type"}
PLAIN = EventMapping.from_dict({"fields": {"timestamp": "t", "type": "e"}})
FOLDING = EventMapping.from_dict(
    {
        "row_group_key": "invoice",
        "fields": {"timestamp": "t", "type": "e"},
        "properties": {
            "amount": {"column": "a", "type": "float", "fold": "sum"},
            "lines": {"type": "int", "fold": "count"},
            "uid": {"column": "u", "type": "int"},
            "flag": {"column": "f", "type": "bool", "fold": "last"},
        },
    }
)


@st.composite
def row_lists(draw: st.DrawFn) -> list[Row]:
    rows = []
    for uid in range(draw(st.integers(0, 18))):
        minute = draw(st.integers(0, 40) | st.sampled_from([0, 5, 10]))
        lag = draw(st.sampled_from([None, 0, 3, -2]))
        rows.append(
            {
                "uid": uid,
                "row": uid,
                "source": draw(st.sampled_from(["s0", "s1"])),
                "who": draw(st.sampled_from(["a", "b", "c", None])),
                "t": minute,
                "received": None if lag is None else minute + lag,
                "sequence": draw(st.sampled_from([None, None, 1, 2])),
                "event_id": draw(st.sampled_from([None, "i", "j", "k"])),
                "group": draw(st.sampled_from([None, "g", "h"])),
                "type": draw(st.sampled_from("xy")),
                "amount": draw(st.sampled_from([None, 0.5, 2.0])),
                "lines": 1,
                "flag": draw(st.sampled_from([None, True, False])),
                "url": draw(st.sampled_from([None, "http://h/p", "http://i/p"])),
            }
        )
    return rows


def key(row: Row) -> tuple[Any, ...]:
    sequence = row["sequence"]
    return (row["t"], sequence is None, sequence or 0, row["source"], row["row"])


def folded(rows: list[Row], counts: Counter[str]) -> list[Row]:
    """The rows of one subject, those of one group joined into their first."""
    groups: dict[Any, list[Row]] = {}
    for row in sorted(rows, key=key):
        name = ("alone", row["uid"]) if row["group"] is None else row["group"]
        groups.setdefault(name, []).append(row)
    events = []
    for group in groups.values():
        amounts = [r["amount"] for r in group if r["amount"] is not None]
        flags = [r["flag"] for r in group if r["flag"] is not None]
        receipts = [r["received"] for r in group if r["received"] is not None]
        times = {r["t"] for r in group}
        receipts += times if len(times) > 1 else ()
        event = {
            **group[0],
            "received": max(receipts, default=None),  # known when all of it is
            "amount": sum(amounts) if amounts else None,
            "lines": len(group),
            "flag": flags[-1] if flags else None,
        }
        if event["group"] is not None:
            event["event_id"] = event["group"]
        events.append(event)
        counts["rows.folded"] += len(group) - 1
    return events


def cleaned(
    rows: list[Row], limits: HistorySettings, counts: Counter[str]
) -> list[Row]:
    """One subject's events in total order, without what is to go."""
    events: list[Row] = []
    ids: dict[str | None, Row] = {}
    for row in sorted(rows, key=key):
        if row["event_id"] is not None and row["event_id"] in ids:
            counts["events.dropped.duplicate_id"] += 1
            stays = ids[row["event_id"]]
            if None not in (stays["received"], row["received"]):  # known from then on
                stays["received"] = min(stays["received"], row["received"])
            continue
        ids[row["event_id"]] = row = {**row}
        events.append(row)
    if limits.drop_repeated_events:
        told = ("type", "url", "amount", "lines", "flag", "uid")
        kept = events[:1]
        for before, row in pairwise(events):
            if all(row[name] == before[name] for name in told):
                counts["events.dropped.repeated_event"] += 1
            else:
                kept.append(row)
        events = kept
    sessions = spans(events, limits.session_gap_us)
    short = []
    for session in sessions:
        if len(session) > limits.max_events:
            counts["sessions.dropped.max_events"] += 1
            counts["events.dropped.max_events"] += len(session)
        else:
            short.extend(session)
    return short


def spans(events: list[Row], gap_us: int | None) -> list[list[Row]]:
    found = [events[:1]] if events else []
    for before, row in pairwise(events):
        if gap_us is not None and (row["t"] - before["t"]) * MINUTE_US > gap_us:
            found.append([])
        found[-1].append(row)
    return found


def expected(
    rows: list[Row], limits: HistorySettings, folding: bool, known: int | None = None
) -> tuple[dict[str, list[Row]], Counter[str]]:
    subjects: dict[str, list[Row]] = {}
    for row in rows:
        if row["who"] is not None:
            subjects.setdefault(row["who"], []).append(row)
    histories, counts = {}, Counter[str]()
    for who, own in subjects.items():
        if len(own) > limits.max_subject_events:
            counts["histories.dropped.max_subject_events"] += 1
            counts["events.dropped.max_subject_events"] += len(own)
            continue
        events = folded(own, counts) if folding else own
        if folding and known is not None:
            read = len(events)
            events = [r for r in events if max(r["t"], r["received"] or 0) <= known]
            counts["events.not_yet_known"] += read - len(events)
        events = cleaned(events, limits, counts)
        if events:
            histories[who] = events
            counts["histories.kept"] += 1
            counts["events.kept"] += len(events)
            counts["events.clock_skew"] += sum(
                r["received"] is not None and r["received"] < r["t"] for r in events
            )
    return histories, counts


def plain(events: list[Row], gap_us: int | None, base_us: int) -> list[Row]:
    """Events as a batch should hold them, with their session's size and place."""
    turned = []
    for session in spans(events, gap_us):
        for place, row in enumerate(session):
            known = row["t"]
            if row["received"] is not None:  # nobody knows of it before it happens
                known = max(row["t"], row["received"])
            turned.append(
                {
                    **{name: row[name] for name in ("uid", "amount", "lines", "type")},
                    "flag": None if row["flag"] is None else str(row["flag"]).lower(),
                    "url.host": row["url"] and row["url"][7],
                    "time_us": base_us + row["t"] * MINUTE_US,
                    "known_us": base_us + known * MINUTE_US,
                    "session": (place, len(session)),
                }
            )
    return turned


limits = st.builds(
    HistorySettings,
    session_gap_us=st.sampled_from([None, 0, 5 * MINUTE_US]),
    max_events=st.sampled_from([1, 3, 100]),
    max_subject_events=st.sampled_from([3, 6, 100]),
    drop_repeated_events=st.booleans(),
)


@settings(max_examples=200)
@given(
    rows=row_lists(),
    limits=limits,
    folding=st.booleans(),
    same_uid=st.booleans(),
    known=st.none() | st.integers(0, 44),
)
def test_histories_are_what_plain_loops_find(
    rows: list[Row],
    limits: HistorySettings,
    folding: bool,
    same_uid: bool,
    known: int | None,
    table_of: Any,
    events_of: Any,
    base_us: int,
) -> None:
    if same_uid and not folding:  # so that whole events can repeat
        rows = [{**row, "uid": 0} for row in rows]
    table = table_of(rows)
    mapping = FOLDING if folding else PLAIN
    known_by_us = None if known is None else base_us + known * MINUTE_US
    batch, counts = build_histories(
        table, limits, FIELDS, mapping, known_by_us=known_by_us
    )
    wanted, wanted_counts = expected(rows, limits, folding, known)
    found = events_of(batch)
    for events in found.values():
        begins = events[0]["session"][0]
        for place, event in enumerate(events):
            start, stop = event["session"]
            assert start - begins <= place < stop - begins
            event["session"] = (place - (start - begins), stop - start)
    assert found == {
        who: plain(events, limits.session_gap_us, base_us)
        for who, events in wanted.items()
    }
    assert +counts == +wanted_counts
    assert batch.session_gap_us == limits.session_gap_us


@settings(max_examples=100)
@given(rows=row_lists(), limits=limits, folding=st.booleans(), data=st.data())
def test_the_order_and_the_chunks_of_the_rows_do_not_matter(
    rows: list[Row],
    limits: HistorySettings,
    folding: bool,
    data: st.DataObject,
    table_of: Any,
    events_of: Any,
) -> None:
    mapping = FOLDING if folding else PLAIN
    table = table_of(rows)
    batch, counts = build_histories(table, limits, FIELDS, mapping)
    order = data.draw(st.permutations(range(len(rows))))
    mixed = table.take(pa.array(order, pa.int64()))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    edges = [0, *cuts, len(rows)]
    pieces = [mixed.slice(a, b - a) for a, b in pairwise(edges)]
    again, counts_again = build_histories(
        pa.concat_tables(pieces), limits, FIELDS, mapping
    )
    assert events_of(again) == events_of(batch)
    assert again.subject == batch.subject
    assert again.subject_hash.tolist() == batch.subject_hash.tolist()
    assert counts_again == counts


def test_subjects_come_by_their_hash_and_without_an_empty_one(table_of: Any) -> None:
    names = [f"visitor {i}" for i in range(30)]
    rows = [
        {"who": name, "t": 0, "type": "x", "uid": i} for i, name in enumerate(names)
    ]
    rows += [{"who": "busy", "t": i, "type": "x", "uid": 0} for i in range(3)]
    batch, counts = build_histories(
        table_of(rows), HistorySettings(max_events=2), {"uid"}, PLAIN
    )
    assert sorted(batch.subject) == sorted(names)
    assert list(batch.subject) == sorted(names, key=subject_hash)
    assert batch.subject_hash.tolist() == [subject_hash(n) for n in batch.subject]
    assert np.diff(batch.offsets).tolist() == [1] * 30
    assert counts["sessions.dropped.max_events"] == 1


def test_the_hash_of_a_subject_never_changes() -> None:
    """It decides about splits: another value moves subjects from test to train."""
    assert subject_hash("visitor 1") == 3201028235553889830
    assert subject_hash("") == -945804495007400025
    assert subject_hash("\udc80é") == subject_hash("\udc80é")


def test_no_rows_make_no_histories(table_of: Any) -> None:
    for mapping in (PLAIN, FOLDING):
        batch, counts = build_histories(
            table_of([]), HistorySettings(), FIELDS, mapping
        )
        assert (batch.subjects, batch.events) == (0, 0)
        assert batch.offsets.tolist() == [0]
        assert not +counts


def test_events_without_an_id_are_never_duplicates(table_of: Any) -> None:
    rows = [{"who": "a", "t": 0, "type": "x", "uid": 1}] * 3
    batch, _ = build_histories(table_of(rows), HistorySettings(), FIELDS, PLAIN)
    assert batch.events == 3
    assert batch.received_us is None


def test_one_id_may_be_used_by_two_subjects(table_of: Any) -> None:
    rows = [{"who": who, "t": 0, "type": "x", "event_id": "1"} for who in "aab"]
    batch, counts = build_histories(table_of(rows), HistorySettings(), FIELDS, PLAIN)
    assert batch.events == 2
    assert counts["events.dropped.duplicate_id"] == 1


@pytest.mark.parametrize("name", ["uid", "flag", "type"])
def test_any_field_may_be_the_subject(name: str, table_of: Any, events_of: Any) -> None:
    rows = [
        {"who": "a", "t": i, "type": "xy"[i % 2], "uid": i % 2, "flag": i % 2 == 0}
        for i in range(5)
    ]
    settings_ = HistorySettings(subject=name)
    batch, _ = build_histories(table_of(rows), settings_, FIELDS, PLAIN)
    found = {who: len(events) for who, events in events_of(batch).items()}
    assert sorted(found.values()) == [2, 3]
    assert all(isinstance(who, str) for who in found)


@given(
    times=st.lists(st.lists(st.integers(0, 30), max_size=6).map(sorted), max_size=4),
    gap=st.none() | st.integers(0, 6),
)
def test_session_bounds(times: list[list[int]], gap: int | None) -> None:
    offsets = np.cumsum([0, *map(len, times)])
    joined = np.array([t for own in times for t in own], np.int64)
    start, stop = session_bounds(offsets, joined, gap)
    wanted: list[tuple[int, int]] = []
    for first, own in zip(offsets.tolist(), times, strict=False):
        for i in range(len(own)):
            low, high = i, i + 1
            while low and (gap is None or own[low] - own[low - 1] <= gap):
                low -= 1
            while high < len(own) and (gap is None or own[high] - own[high - 1] <= gap):
                high += 1
            wanted.append((first + low, first + high))
    assert list(zip(start.tolist(), stop.tolist(), strict=True)) == wanted
