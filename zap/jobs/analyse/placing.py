"""Where in its history each prediction was made.

A prediction that was made at an event lies right after it, as a cutoff of the training
does: where the last event that it used, which the log names, was known at the very
instant, the past ends there. The past of one that was made at a time is what was known
before it. Where the archive does not have the last event that was used, an event at the
very instant counts as past, unless the question is one that is asked at times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, Categorical, Cutoffs, IntArray
from zap.examples.evaluate import Context
from zap.histories.batch import HistoryBatch
from zap.histories.subjects import scrambled
from zap.histories.visitors import in_own_history
from zap.jobs.analyse.logged import Predictions


def place(
    context: Context,
    rows: Mapping[str, Sequence[int]],
    predictions: Predictions,
    timed: bool,
) -> tuple[Cutoffs, BoolArray, BoolArray]:
    """A cutoff for each prediction.

    Args:
        context: the histories of the subjects.
        rows: which rows of them a subject may be; see ``Archive``.
        predictions: the log's.
        timed: whether the question is asked at times of its own choosing.

    Returns:
        The cutoffs, one a prediction; whether its subject has a history; and whether
        anything had happened in it by then. Where not, the cutoff means nothing.
    """
    size = len(predictions)
    row, position = np.full(size, -1), np.zeros(size, np.int64)
    known, passed = np.zeros(size, bool), np.zeros(size, bool)
    for choice in _choices(rows, predictions.subjects):
        open_ = ~passed & (predictions.subject >= 0)
        tried = np.flatnonzero(open_)
        tried = tried[choice[predictions.subject[tried]] >= 0]
        if not len(tried):
            continue
        mine = choice[predictions.subject[tried]]
        asked = predictions.take(tried)
        cutoffs = _ended(context.histories, mine, asked, timed)
        good = _is_past(context, cutoffs)
        known[tried] = True
        passed[tried] = good
        row[tried], position[tried] = mine, cutoffs.position
    safe = np.maximum(row, 0)
    return Cutoffs(safe, position, predictions.instant_us), known, passed


def _choices(
    rows: Mapping[str, Sequence[int]], subjects: Sequence[str]
) -> list[IntArray]:
    """The first choice of each subject, the second, and so on; -1 for none."""
    most = max((len(each) for each in rows.values()), default=0)
    found = np.full((most, len(subjects)), -1)
    for at, subject in enumerate(subjects):
        for number, row in enumerate(rows.get(subject, ())):
            found[number, at] = row
    return list(found)


def _is_past(context: Context, cutoffs: Cutoffs) -> BoolArray:
    """Whether cutoffs have a past, and lie in the history that was known then."""
    histories = context.histories
    empty = cutoffs.position <= histories.offsets[cutoffs.subject]
    good = np.zeros(len(cutoffs), bool)
    some = cutoffs.select(~empty)
    if len(some):
        seen = context.seen(some.subject, some.position)
        # An event may have been received before the link that makes it the user's.
        whole = replace(histories, uncut=None)
        good[~empty] = seen & in_own_history(whole, some, timed=False)
    return good


def _ended(
    histories: HistoryBatch, row: IntArray, asked: Predictions, timed: bool
) -> Cutoffs:
    """The cutoffs at which the past of each prediction ends."""
    instant, known = asked.instant_us, histories.known_us
    first = histories.offsets[row]
    last = _last_used(histories, row, asked.last_event)
    known_last = np.where(last < 0, np.inf, known[last])
    at_it = known_last == instant
    # Of a moment that is no event's own the past is what was known before it.
    strict = np.full(len(row), timed) | (known_last < instant)
    limit = instant - strict
    position = Context(histories).times.first_at_or_after(row, limit + 1)
    while (later := (position > first) & (known[position - 1] > limit)).any():
        position = position - later
    return Cutoffs(row, np.where(at_it, last + 1, position), instant)


def _last_used(
    histories: HistoryBatch, row: IntArray, sought: NDArray[np.str_]
) -> IntArray:
    """The event of each history with the id sought; -1 where there is none."""
    column = histories.columns["event_id"]
    if not isinstance(column, Categorical) or not histories.events:
        return np.full(len(row), -1)
    hashed = np.array([*(_hashed(str(text)) for text in column.distinct), 0], np.int64)
    ids, rows = hashed[column.codes], histories.rows()
    wanted = np.array([_number(digits) for digits in sought.tolist()], np.int64)
    keys, asked = scrambled(rows, ids), scrambled(row, wanted)
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys, asked, sorter=order), len(keys) - 1)
    found = order[place]
    right = (rows[found] == row) & (ids[found] == wanted) & (sought != "")
    return np.where(right, found, -1)


def _hashed(event_id: str) -> int:
    """The hash that the log has of an event's id, as a number."""
    hashed = blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8)
    return _number(hashed.hexdigest())


def _number(digits: str) -> int:
    """16 hexadecimal digits as a signed number of 64 bits; 0 for what is none."""
    try:
        number = int(digits, 16)
    except ValueError:
        return 0
    return number - (1 << 64) if number >> 63 else number
