"""Bots in whole histories, held against plain loops over rows."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.errors import GeneratorError
from zap.events.mapping import EventMapping
from zap.examples import event, gt
from zap.histories.bot_rules import Rate, Regularity, SessionRules
from zap.histories.build import HistorySettings, build_histories
from zap.histories.clock import clock_counts, coarse_sources
from zap.histories.selection import BOT
from zap.times import SECOND_US

MAPPING = EventMapping.from_dict({"fields": {"timestamp": "t", "type": "e"}})
GAP_SECONDS = 600
EXEMPT = event("page_view", amount=gt(8))


def settings(rules: SessionRules | None) -> HistorySettings:
    return HistorySettings(session_gap_us=GAP_SECONDS * SECOND_US, bots=rules)


def seconds(rows: list[dict], table_of: Any) -> pa.Table:
    """A table of rows whose times ``s`` are in seconds."""
    return table_of(
        {"type": "page_view", **row, "t": row["s"] / 60, "uid": place}
        for place, row in enumerate(rows)
    )


def kept_of(table: pa.Table, how: HistorySettings) -> tuple[set[int], Any, dict]:
    """The numbers of the rows that are left, the counts, and who was flagged."""
    flagged: dict[str, str] = {}
    batch, counts = build_histories(table, how, {"type", "uid"}, MAPPING, flagged)
    return {int(uid) for uid in batch.columns["uid"].values}, counts, flagged


def reason_of(session: list[dict], rules: SessionRules) -> str | None:
    """Why a session is a bot's, looked at one pair of views after the other."""
    spared = rules.exempt is not None
    views = [
        row["s"]
        for row in session
        if row["type"] == "page_view" and not (spared and row["amount"] > 8)
    ]
    if rules.rate is not None:
        for i in range(len(views)):
            within = [s for s in views[i:] if s - views[i] <= rules.rate.seconds]
            if len(within) > rules.rate.events:
                return "rate"
    if rules.regularity is not None and len(views) >= rules.regularity.events:
        gaps = [b - a for a, b in pairwise(views)]
        if fmean(gaps) > 0 and pstdev(gaps) / fmean(gaps) < rules.regularity.spread:
            return "regularity"
    return None


row = st.fixed_dictionaries(
    {
        "who": st.sampled_from("ab"),
        "s": st.sampled_from([*range(1, 60, 7), 700, 707, 714, 721, 1500, 1531]),
        "type": st.sampled_from(["page_view", "page_view", "click"]),
        "amount": st.sampled_from([0.0, 9.0]),
    }
)


@given(
    st.lists(row, max_size=25),
    st.none() | st.builds(Rate, st.integers(1, 4), st.sampled_from([5.0, 14.0, 40])),
    st.none()
    | st.builds(Regularity, st.integers(3, 5), st.sampled_from([0.05, 0.3, 0.7])),
    st.booleans(),
)
def test_sessions_of_bots_are_those_of_a_plain_loop(
    table_of: Any, rows: Any, rate: Any, regularity: Any, spare: bool
) -> None:
    exempt = EXEMPT if spare else None
    rules = SessionRules(rate, regularity, exempt=exempt, coarse=frozenset())
    expected, why = {}, {}
    counts: Counter[str] = Counter()
    for who in "ab":
        own = [(r["s"], i) for i, r in enumerate(rows) if r["who"] == who]
        sessions: list[list[int]] = []
        for place, (s, i) in enumerate(sorted(own)):
            if place and s - rows[sessions[-1][-1]]["s"] <= GAP_SECONDS:
                sessions[-1].append(i)
            else:
                sessions.append([i])
        for session in sessions:
            reason = reason_of([rows[i] for i in session], rules)
            for i in session:
                spared = (
                    spare and rows[i]["type"] == "page_view" and rows[i]["amount"] > 8
                )
                expected[i] = None if spared else reason
                if expected[i]:
                    counts[f"events.dropped.bot.{reason}"] += 1
                    why[who] = min(why.get(who, reason), reason)
    kept, found, flagged = kept_of(seconds(rows, table_of), settings(rules))
    assert kept == {i for i, reason in expected.items() if reason is None}
    assert {n: c for n, c in found.items() if ".bot." in n} == counts
    assert flagged == why


def test_flagged_rows_go_as_if_they_had_never_been_there(table_of: Any) -> None:
    """Neither their ids nor their number tell on what is left."""
    rows = [{"who": "a", "s": 1, "event_id": "1"}] * 3
    rows += [{"who": "a", "s": 2, "event_id": "1"}, {"who": "b", "s": 3}]
    table = seconds(rows, table_of)
    reasons = pa.array(["rule.x", "crawler", "rule.x", None, None], pa.string())
    how = HistorySettings(max_subject_events=2)
    kept, counts, flagged = kept_of(table.append_column(BOT, reasons), how)
    assert kept == {3, 4}
    assert counts["events.dropped.bot.crawler"] == 1
    assert counts["events.dropped.bot.rule.x"] == 2
    assert counts["histories.dropped.max_subject_events"] == 0
    assert flagged == {"a": "crawler"}


@pytest.mark.parametrize(
    ("steps", "off"),
    [
        (1, 0),  # every second
        (60, 1),  # whole minutes
        (86_400, 1),  # dates
    ],
)
def test_a_rule_on_pace_says_nothing_of_a_coarse_clock(
    table_of: Any, steps: int, off: int
) -> None:
    rows = [{"who": "a", "s": steps * (i // 9 + 1)} for i in range(9)]
    rows += [{"who": "b", "s": steps * i} for i in range(3, 5)]
    rules = SessionRules(rate=Rate(5, 10))
    kept, counts, flagged = kept_of(seconds(rows, table_of), settings(rules))
    assert counts["bots.rule_off.time_resolution"] == off
    assert flagged == ({} if off else {"a": "rate"})
    assert len(kept) == (11 if off else 2)


def test_minutes_that_never_change_are_no_clock(table_of: Any) -> None:
    """The month where the minutes belong: every hour looks like one minute."""
    rows = [
        {"who": "a", "s": hour * 3600 + 300 + i}
        for hour in range(3)
        for i in (1, 2, 3, 4)
    ]
    rules = SessionRules(rate=Rate(3, 10))
    _, counts, flagged = kept_of(seconds(rows, table_of), settings(rules))
    assert counts["bots.rule_off.time_resolution"] == 3 and not flagged
    moved = [*rows, {"who": "b", "s": 60}]
    assert kept_of(seconds(moved, table_of), settings(rules))[2] == {"a": "rate"}


def test_a_coarse_source_spoils_no_other(table_of: Any) -> None:
    rows = [
        {"who": who, "s": 60 * (source == "dates") + 3, "source": source}
        | ({"s": 120} if source == "dates" else {})
        for who, source in (("a", "dates"), ("b", "fine"))
        for _ in range(6)
    ]
    table = seconds(rows, table_of)
    assert coarse_sources(clock_counts(table)) == {"dates"}
    kept, counts, flagged = kept_of(table, settings(SessionRules(rate=Rate(5, 10))))
    assert flagged == {"b": "rate"} and kept == set(range(6))
    assert counts["bots.rule_off.time_resolution"] == 1


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=12), st.integers(0, 12))
def test_clocks_add_up_over_parts(table_of: Any, times: list[int], cut: int) -> None:
    table = seconds([{"who": "a", "s": s} for s in times], table_of)
    parts = clock_counts(table[:cut]) + clock_counts(table[cut:])
    assert parts == +clock_counts(table)
    whole = all(s % 60 == 0 for s in times)
    still = len({s // 60 % 60 for s in times}) == 1
    still &= len({s // 3600 for s in times}) >= 3
    assert bool(coarse_sources(parts)) == (whole or still)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rate(0, 1),
        lambda: Rate(5, 0),
        lambda: Rate(5, float("nan")),
        lambda: Regularity(events=2),
        lambda: Regularity(spread=0),
    ],
)
def test_rules_out_of_range_are_refused(make: Any) -> None:
    with pytest.raises(GeneratorError, match="Received: events="):
        make()


@pytest.mark.parametrize(("seconds_apart", "fast"), [(14.0, True), (13.9, False)])
def test_the_first_and_the_last_view_may_lie_so_far_apart(
    table_of: Any, seconds_apart: float, fast: bool
) -> None:
    rows = [{"who": "a", "s": s} for s in (1, 8, 15)]
    rules = SessionRules(rate=Rate(2, seconds_apart), coarse=frozenset())
    _, _, flagged = kept_of(seconds(rows, table_of), settings(rules))
    assert flagged == ({"a": "rate"} if fast else {})
