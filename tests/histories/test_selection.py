"""Events that no real user made."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from zap.examples import Bots, event, gt, lt
from zap.histories.selection import BOT, of_people, select_events

CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def batch_of(table: pa.Table) -> pa.RecordBatch:
    return table.combine_chunks().to_batches()[0]


def test_an_event_goes_under_the_first_reason_that_fits(table_of: Any) -> None:
    rows = [
        {"type": "x", "user_agent": CHROME},
        {"type": "x", "user_agent": GOOGLE, "amount": 9.0},
        {"type": "x", "user_agent": None, "amount": 9.0},
        {"type": "y", "user_agent": CHROME, "amount": 9.0},
        {"type": "y", "user_agent": None, "amount": 0.0},
        {"type": "z", "user_agent": None},
    ]
    batch = batch_of(
        table_of({"who": "a", "t": 0, "uid": i, **r} for i, r in enumerate(rows))
    )
    exclude = {"large": event("x", "y", amount=gt(5)), "y": event("y")}

    kept, counts = select_events(batch, exclude, Bots())
    assert kept.column("uid").to_pylist() == [0, 5]
    assert counts == {"events.dropped.exclude.large": 3, "events.dropped.exclude.y": 1}
    assert batch.num_rows == kept.num_rows + sum(counts.values())

    kept, counts = select_events(batch, exclude, None)
    assert kept.column("uid").to_pylist() == [0, 5]
    assert BOT not in kept.schema.names


def test_without_agents_and_exclusions_nothing_goes(table_of: Any) -> None:
    batch = batch_of(table_of([{"who": "a", "t": 0, "type": "x"}]))
    kept, counts = select_events(batch, {}, Bots())
    assert kept.num_rows == 1 and kept.column(BOT).to_pylist() == [None]
    assert not +counts


AGENTS = (CHROME, GOOGLE, None)


@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.sampled_from(AGENTS), st.integers(0, 9)),
        max_size=20,
    ),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_a_flag_is_the_first_reason_that_fits(
    table_of: Any, rows: Any, agents: bool, missing: bool, spare: bool
) -> None:
    bots = Bots(
        agents=agents,
        missing_agents=missing,
        rules={"large": event("x", "y", amount=gt(5)), "tests": event("y")},
        exempt=event("x", amount=lt(8)) if spare else None,
    )

    def reason(kind: str, agent: str | None, amount: int) -> str | None:
        if spare and kind == "x" and amount < 8:
            return None
        if agents and agent == GOOGLE:
            return "crawler"
        if missing and agent is None:
            return "missing_agent"
        if kind in "xy" and amount > 5:
            return "rule.large"
        return "rule.tests" if kind == "y" else None

    table = table_of(
        {"who": "a", "t": 0, "type": kind, "user_agent": agent, "amount": float(n)}
        for kind, agent, n in rows
    )
    for batch in table.combine_chunks().to_batches():
        flagged, counts = select_events(batch, {}, bots)
        wanted = [reason(*row) for row in rows]
        assert flagged.column(BOT).to_pylist() == wanted
        assert not +counts
        people = of_people(flagged).column("row").to_pylist()
        assert people == [i for i, why in enumerate(wanted) if why is None]
