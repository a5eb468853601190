"""Where in its history each prediction was made.

The past of a prediction is what was known at its instant, the very event that it was
made at included. Of several events known at one and the same instant, which the log's
clock can't order, it ends with the last one that the prediction used; the others come
after it, as they do after a cutoff of the training.
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
from zap.histories.visitors import in_own_history
from zap.jobs.analyse.logged import Predictions


def place(
    context: Context, rows: Mapping[str, Sequence[int]], predictions: Predictions
) -> tuple[Cutoffs, BoolArray, BoolArray]:
    """A cutoff for each prediction.

    Args:
        context: the histories of the subjects.
        rows: which rows of them a subject may be; see ``Archive``.
        predictions: the log's.

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
        cutoffs = _ended(context.histories, mine, asked)
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


def _ended(histories: HistoryBatch, row: IntArray, asked: Predictions) -> Cutoffs:
    """The cutoffs at which the past of each prediction ends."""
    instant, known = asked.instant_us, histories.known_us
    first = histories.offsets[row]
    position = Context(histories).times.first_at_or_after(row, instant + 1)
    while (later := (position > first) & (known[position - 1] > instant)).any():
        position = position - later
    tied = (position - 1 > first) & (known[position - 1] == instant)
    tied &= (known[position - 2] == instant) & (asked.last_event != "")
    ids = _hashed_ids(histories) if tied.any() else None
    for at in np.flatnonzero(tied).tolist():
        assert ids is not None
        position[at] = _last_used(
            ids, known, int(first[at]), int(position[at]), str(asked.last_event[at])
        )
    return Cutoffs(row, position, instant)


def _last_used(
    ids: NDArray[np.str_], known: IntArray, first: int, position: int, sought: str
) -> int:
    """One past the event sought, of those known at the last one's instant."""
    at = position - 1
    while at >= first and known[at] == known[position - 1]:
        if ids[at] == sought:
            return at + 1
        at -= 1
    return position


def _hashed_ids(histories: HistoryBatch) -> NDArray[np.str_]:
    """The hash of each event's id, as the log has it; empty where there is no id."""
    column = histories.columns["event_id"]
    if not isinstance(column, Categorical):
        return np.full(histories.events, "", "U16")
    hashed = [
        blake2b(str(text).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        for text in column.distinct
    ]
    return np.array([*hashed, ""], "U16")[column.codes]
