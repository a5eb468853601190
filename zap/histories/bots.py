"""Bots in whole histories: what was flagged when reading, and rules on sessions.

An agent tells of a bot event by event, and is looked at when rows are read; how fast
and how evenly pages are asked for shows only in whole sessions. Both are taken out
here, by reason. Flagged rows go first of all, as if they had never been there, so that
a bot's row can neither stand before a person's with the same id nor fill up a subject.

Rules on pace need a clock that runs. Many logs hold whole minutes, days, or minutes
that never change; then a rule would find bots in what the clock left out, so views of
such sources take no part; the sessions that a rule would have looked at are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, MutableMapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, IntArray
from zap.histories.arrow import to_column, to_columns
from zap.histories.batch import session_bounds
from zap.histories.bot_rules import Rate, Regularity, SessionRules
from zap.histories.clock import clock_counts, coarse_sources
from zap.histories.selection import BOT
from zap.times import SECOND_US

RATE, REGULARITY = "rate", "regularity"


def take_out_flagged(
    table: pa.Table,
    subject: str,
    counts: Counter[str],
    flagged: MutableMapping[str, str] | None = None,
) -> pa.Table:
    """The events that were not flagged when they were read, without the flags.

    Args:
        table: events, maybe with the column ``BOT``.
        subject: the column that names the subject.
        counts: gets the number of events by reason.
        flagged: gets the first reason of each subject with flagged events.
    """
    if BOT not in table.schema.names:
        return table
    reasons = table.column(BOT)
    clean = table.drop_columns([BOT])
    if reasons.null_count == len(reasons):
        return clean
    pairs = table.select([subject, BOT]).filter(pc.is_valid(reasons))
    for group in (
        pairs.group_by([subject, BOT]).aggregate([([], "count_all")]).to_pylist()
    ):
        counts[f"events.dropped.bot.{group[BOT]}"] += group["count_all"]
        note_flagged(flagged, [str(group[subject])], group[BOT])
    return clean.filter(pc.is_null(reasons))


def note_flagged(
    flagged: MutableMapping[str, str] | None, subjects: Iterable[str], reason: str
) -> None:
    """Write down why subjects were flagged; of two reasons the one looked at first."""
    if flagged is None:
        return
    for subject in subjects:
        flagged[subject] = min(flagged.get(subject, reason), reason, key=_rank)


def _rank(reason: str) -> tuple[int, str]:
    kinds = ("crawler", "missing_agent", "rule", RATE, REGULARITY)
    return kinds.index(reason.partition(".")[0]), reason


def session_bots(
    table: pa.Table,
    offsets: IntArray,
    gap_us: int | None,
    rules: SessionRules | None,
    counts: Counter[str],
) -> dict[str, BoolArray]:
    """The events of sessions that no person made, by reason.

    Args:
        table: events in total order, sorted by subject.
        offsets: int64, shape (subjects + 1,).
        gap_us: the inactivity that cuts sessions.
        rules: what is looked for.
        counts: gets the events by reason, and the sessions that could not be judged.

    Returns:
        A bool array (events,) for each reason that has any; no event is in two.
    """
    if rules is None or not table.num_rows:
        return {}
    time_us = np.asarray(pc.cast(table.column("timestamp"), pa.int64()).to_numpy())
    types = to_column(table.column("type"))
    start = session_bounds(offsets, time_us, gap_us, types)[0]
    exempt = np.zeros(table.num_rows, bool)
    if rules.exempt is not None:
        exempt = rules.exempt.mask(to_columns(table, list(rules.exempt.fields())))
    views = (
        ~exempt
        & pc.is_in(
            table.column("type"), value_set=pa.array(rules.page_views)
        ).to_numpy()
    )
    coarse = _of_coarse_sources(table, rules)
    counts["bots.rule_off.time_resolution"] += _off(start[views & coarse], rules)
    judged = np.flatnonzero(views & ~coarse)
    at, session = time_us[judged], start[judged]
    found: dict[str, BoolArray] = {}
    left = ~exempt
    for reason, sessions in (
        (RATE, _fast(at, session, rules.rate)),
        (REGULARITY, _even(at, session, rules.regularity)),
    ):
        mask = np.isin(start, sessions) & left
        if mask.any():
            counts[f"events.dropped.bot.{reason}"] += int(mask.sum())
            found[reason] = mask
            left = left & ~mask
    return found


def _of_coarse_sources(table: pa.Table, rules: SessionRules) -> BoolArray:
    coarse = rules.coarse
    if coarse is None:
        coarse = coarse_sources(clock_counts(table))
    known = pa.array(sorted(coarse), pa.string())
    mask: BoolArray = pc.is_in(table.column("source"), value_set=known).to_numpy()
    return mask


def _off(sessions: IntArray, rules: SessionRules) -> int:
    """How many sessions have views enough for a rule that may not look at them."""
    least = min(
        rules.rate.events + 1 if rules.rate else np.inf,
        rules.regularity.events if rules.regularity else np.inf,
    )
    return int((np.unique(sessions, return_counts=True)[1] >= least).sum())


def _fast(time_us: IntArray, session: IntArray, rate: Rate | None) -> IntArray:
    """Sessions with more page views in a while than the rate lets pass."""
    if rate is None:
        return session[:0]
    n = rate.events
    near = time_us[n:] - time_us[:-n] <= rate.seconds * SECOND_US
    return np.unique(session[n:][near & (session[n:] == session[:-n])])


def _even(time_us: IntArray, session: IntArray, rule: Regularity | None) -> IntArray:
    """Sessions whose gaps between page views hardly differ."""
    if rule is None:
        return session[:0]
    inside = session[1:] == session[:-1]
    gaps = np.diff(time_us)[inside].astype(np.float64)
    names, code = np.unique(session[1:][inside], return_inverse=True)
    count = np.bincount(code, minlength=len(names))
    mean = np.bincount(code, gaps, len(names)) / np.maximum(count, 1)
    # Deviations rather than squares, whose differences would lose small spreads.
    square = np.bincount(code, (gaps - mean[code]) ** 2, len(names))
    spread = np.sqrt(square / np.maximum(count, 1))
    even = (count + 1 >= rule.events) & (mean > 0) & (spread < rule.spread * mean)
    return names[even]
