"""Events that no real user made."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from zap.examples import event, gt
from zap.histories.selection import select_events

CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def batch_of(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def test_an_event_goes_under_the_first_reason_that_fits(table_of: Any) -> None:
    rows = [
        {"type": "x", "user_agent": CHROME},
        {"type": "x", "user_agent": BOT, "amount": 9.0},
        {"type": "x", "user_agent": None, "amount": 9.0},
        {"type": "y", "user_agent": CHROME, "amount": 9.0},
        {"type": "y", "user_agent": None, "amount": 0.0},
        {"type": "z", "user_agent": None},
    ]
    batch = batch_of(
        table_of({"who": "a", "t": 0, "uid": i, **r} for i, r in enumerate(rows))
    )
    exclude = {"large": event("x", "y", amount=gt(5)), "y": event("y")}

    kept, counts = select_events(batch, exclude, drop_bots=True)
    assert kept.column("uid").to_pylist() == [0, 5]
    assert counts == {
        "events.dropped.crawler": 1,
        "events.dropped.exclude.large": 2,
        "events.dropped.exclude.y": 1,
    }
    assert batch.num_rows == kept.num_rows + sum(counts.values())

    kept, counts = select_events(batch, exclude, drop_bots=False)
    assert kept.column("uid").to_pylist() == [0, 5]
    assert counts["events.dropped.exclude.large"] == 3


def test_without_agents_and_exclusions_nothing_goes(table_of: Any) -> None:
    batch = batch_of(table_of([{"who": "a", "t": 0, "type": "x"}]))
    kept, counts = select_events(batch, {}, drop_bots=True)
    assert kept.num_rows == 1
    assert not +counts
