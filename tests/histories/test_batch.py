"""Copies of histories at the end of a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from zap.events.mapping import EventMapping
from zap.histories.batch import with_copies
from zap.histories.build import HistorySettings, build_histories

PLAIN = EventMapping.from_dict({"fields": {"timestamp": "t", "type": "e"}})


def test_a_copy_has_some_events_of_its_row_and_all_that_is_said_of_them(
    table_of: Any, events_of: Any
) -> None:
    rows = [
        {"who": who, "t": t, "type": "x", "uid": i}
        for i, (who, t) in enumerate([("a", 0), ("a", 3), ("a", 9), ("b", 1)])
    ]
    settings = HistorySettings(session_gap_us=5 * 60_000_000)
    batch, _ = build_histories(table_of(rows), settings, {"uid"}, PLAIN)
    row = list(batch.subject).index("a")
    start = batch.offsets[row]
    batch = replace(
        batch, until_us=np.array([10, 20]), uncut=np.arange(batch.events) == start
    )
    copied = with_copies(batch, [start + np.array([0, 2])], np.array([row]), ["c"])
    found = events_of(copied)
    assert [event["uid"] for event in found["c"]] == [0, 2]
    assert [event["session"] for event in found["c"]] == [(4, 5), (5, 6)]
    assert {who: found[who] for who in "ab"} == events_of(batch)
    assert copied.subject_hash.tolist() == [
        *batch.subject_hash.tolist(),
        batch.subject_hash[row],
    ]
    assert copied.until_us is not None and copied.uncut is not None
    assert copied.until_us.tolist() == [10, 20, [10, 20][row]]
    assert copied.uncut[4:].tolist() == [True, False]
