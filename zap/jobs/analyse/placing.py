"""Where in its history each prediction was made.

A prediction that was made at an event lies right after it, as a cutoff of the training
does: where the last event that it used, which the log names, was known at the very
instant, the past ends there. The past of one that was made at a time is what was known
before it. Where the archive does not have the last event that was used, an event at the
very instant counts as past, unless the question is one that is asked at times.

Of several histories that a subject may be, such as those of two users of one device,
that one is taken which holds the last event used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import chain

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
    ids = _EventIds(context.histories)
    choices = _Choices(rows, predictions.subjects)
    # First where the last event used is; else where there is any past.
    for surely in (True, False):
        tried = np.flatnonzero(~passed & (predictions.subject >= 0))
        for number in range(choices.most):
            tried = tried[~passed[tried]]
            tried = tried[choices.have(predictions.subject[tried], number)]
            if not len(tried):
                break
            mine = choices.rows(predictions.subject[tried], number)
            asked = predictions.take(tried)
            last = ids.find(mine, asked.last_event)
            cutoffs = _ended(context.histories, mine, asked, last, timed)
            good = _is_past(context, cutoffs)
            known[tried] = True
            passed[tried] = good & (last >= 0) if surely else good
            row[tried], position[tried] = mine, cutoffs.position
    safe = np.maximum(row, 0)
    return Cutoffs(safe, position, predictions.instant_us), known, passed


class _Choices:
    """The rows that each subject may be, one subject's after the other's.

    A device that hundreds share must not cost every subject hundreds of places.

    Args:
        rows: by subject, the first choice first.
        subjects: which of them are asked about.

    Attributes:
        most: choices of one subject at most.
    """

    def __init__(self, rows: Mapping[str, Sequence[int]], subjects: Sequence[str]):
        of_each = [rows.get(subject, ()) for subject in subjects]
        self._sizes = np.array([*map(len, of_each)], np.int64)
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._rows = np.array([*chain.from_iterable(of_each)], np.int64)
        self.most = int(self._sizes.max(initial=0))

    def have(self, subject: IntArray, number: int) -> BoolArray:
        """Which subjects have a choice of that number, from 0."""
        found: BoolArray = self._sizes[subject] > number
        return found

    def rows(self, subject: IntArray, number: int) -> IntArray:
        """The choice of that number of subjects that have one."""
        found: IntArray = self._rows[self._starts[subject] + number]
        return found


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
    histories: HistoryBatch,
    row: IntArray,
    asked: Predictions,
    last: IntArray,
    timed: bool,
) -> Cutoffs:
    """The cutoffs at which the past of each prediction ends.

    Args:
        histories: those of the subjects.
        row: the history of each prediction.
        asked: the predictions.
        last: the last event that each used; -1 where it is not there.
        timed: whether the question is asked at times.
    """
    instant, known = asked.instant_us, histories.known_us
    first = histories.offsets[row]
    known_last = np.where(last < 0, np.inf, known[last])
    at_it = known_last == instant
    # Of a moment that is no event's own the past is what was known before it.
    strict = np.full(len(row), timed) | (known_last < instant)
    limit = instant - strict
    position = Context(histories).times.first_at_or_after(row, limit + 1)
    while (later := (position > first) & (known[position - 1] > limit)).any():
        position = position - later
    return Cutoffs(row, np.where(at_it, last + 1, position), instant)


class _EventIds:
    """The ids of all events by history, hashed once as the log has them."""

    def __init__(self, histories: HistoryBatch):
        column = histories.columns["event_id"]
        self._there = False
        if not isinstance(column, Categorical) or not histories.events:
            return
        self._there = True
        hashed = [*(_hashed(str(text)) for text in column.distinct), 0]
        self._ids = np.array(hashed, np.int64)[column.codes]
        self._rows = histories.rows()
        self._keys = scrambled(self._rows, self._ids)
        self._order = np.argsort(self._keys, kind="stable")

    def find(self, row: IntArray, sought: NDArray[np.str_]) -> IntArray:
        """The event of each history with the id sought; -1 where there is none."""
        if not self._there:
            return np.full(len(row), -1)
        wanted = np.array([_number(digits) for digits in sought.tolist()], np.int64)
        keys, order = self._keys, self._order
        place = np.searchsorted(keys, scrambled(row, wanted), sorter=order)
        found = order[np.minimum(place, len(keys) - 1)]
        right = (self._rows[found] == row) & (self._ids[found] == wanted)
        return np.where(right & (sought != ""), found, -1)


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
