"""A batch of histories: whole subjects, in total order, with their sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from zap.encoding.columns import BoolArray, Column, FlatHistories, IntArray, Numeric
from zap.encoding.dimensions import activity_mask


class PlainValues(dict[str, list[Any]]):
    """The values of each field that is asked for, None where there is none.

    An entry of a list is found in a fraction of the time that one of an array takes.

    Args:
        columns: the fields.
    """

    def __init__(self, columns: Mapping[str, Column]):
        super().__init__()
        self._columns = columns

    def __missing__(self, field: str) -> list[Any]:
        column = self._columns[field]
        if isinstance(column, Numeric):
            values = [None if v != v else v for v in column.values.tolist()]
        else:
            distinct = [*column.distinct, None]
            values = [distinct[code] for code in column.codes.tolist()]
        self[field] = values
        return values


@dataclass(frozen=True)
class HistoryBatch(FlatHistories):
    """The histories of many subjects.

    Attributes:
        subject: the subjects' names, one a row.
        subject_hash: int64, shape (subjects,): their hashes.
        received_us: int64, shape (events,): when each event was known: received, and
            not before it happened; None where no event tells.
        session_start: int64, shape (events,): first event of the event's session.
        session_stop: int64, shape (events,): one past the last event of its session.
        session_gap_us: the inactivity that cuts sessions, None for one a history.
        until_us: int64, shape (subjects,): cutoffs lie only where this was not known
            yet (see ``zap.histories.visitors``); None: anywhere.
        uncut: bool, shape (events,): events after which no cutoff lies, since another
            history of the same subject has it; None: there are none.
    """

    subject: Sequence[str]
    subject_hash: IntArray
    received_us: IntArray | None
    session_start: IntArray
    session_stop: IntArray
    session_gap_us: int | None
    until_us: IntArray | None = None
    uncut: BoolArray | None = None

    @property
    def known_us(self) -> IntArray:
        """When each event was known: received_us, else the timestamp."""
        return self.time_us if self.received_us is None else self.received_us

    @cached_property
    def active(self) -> BoolArray:
        """True for what subjects did, False for rows of dimensions; (events,)."""
        return activity_mask(self.columns["type"])

    @cached_property
    def plain(self) -> PlainValues:
        """The values of fields as Python's own, for code that reads them one by one."""
        return PlainValues(self.columns)

    def rows(self) -> IntArray:
        """The subject's row of each event; int64, shape (events,)."""
        return np.repeat(np.arange(self.subjects), np.diff(self.offsets))


def session_bounds(
    offsets: IntArray,
    time_us: IntArray,
    gap_us: int | None,
    types: Column | None = None,
) -> tuple[IntArray, IntArray]:
    """First event and end of each event's session.

    A session is cut where more than ``gap_us`` passes between two events of a subject.
    It begins and ends with something that the subject did: a row of a dimension within
    neither cuts nor lengthens it, and those before, after or between are apart.

    Args:
        offsets: int64, shape (subjects + 1,).
        time_us: int64, shape (events,), sorted within each subject.
        gap_us: the inactivity that cuts; None: a history is one session.
        types: the events' types; None: none is a row of a dimension.

    Returns:
        Two int64 arrays of shape (events,).
    """
    active = None if types is None else activity_mask(types)
    if active is None or active.all():
        return _bounds(offsets, time_us, gap_us)
    did = np.flatnonzero(active)
    first, end = _bounds(np.searchsorted(did, offsets), time_us[did], gap_us)
    rows = np.arange(len(time_us))
    start, stop = rows.copy(), rows.copy()
    if len(did):
        place = np.searchsorted(did, rows, "right") - 1
        start, stop = did[first[place]], did[end[place] - 1] + 1
        start[place < 0] = stop[place < 0] = 0
    apart = rows >= stop
    fresh = apart.copy()
    fresh[1:] &= ~apart[:-1]
    fresh[offsets[:-1][np.diff(offsets) > 0]] |= True
    edges = np.append(np.flatnonzero(fresh | ~apart), len(rows))
    run = np.searchsorted(edges, rows, "right") - 1
    start[apart], stop[apart] = edges[run[apart]], edges[run[apart] + 1]
    return start, stop


def _bounds(
    offsets: IntArray, time_us: IntArray, gap_us: int | None
) -> tuple[IntArray, IntArray]:
    """The same where all that happened is activity."""
    events = len(time_us)
    begins = np.zeros(events + 1, bool)
    begins[offsets] = True
    if gap_us is not None and events:
        begins[1:-1] |= np.diff(time_us) > gap_us
    edges = np.flatnonzero(begins)
    session = np.cumsum(begins[:-1]) - 1
    return edges[session], edges[session + 1]


def with_copies(
    histories: HistoryBatch,
    copies: Sequence[IntArray],
    rows: IntArray,
    names: Sequence[str],
) -> HistoryBatch:
    """The batch with further histories at its end, each of some events of another.

    Args:
        histories: the batch.
        copies: for each new history, the places of its events, ascending.
        rows: int64, shape (copies,): the subject's row that each was made of; its hash
            is the new one's, so that no split separates the two.
        names: the new subjects' names.
    """
    every = np.concatenate((np.arange(histories.events), *copies))
    added = np.cumsum([len(copy) for copy in copies])
    offsets = np.concatenate((histories.offsets, histories.events + added))
    time_us, hashes = histories.time_us[every], histories.subject_hash
    columns = {name: col.take(every) for name, col in histories.columns.items()}
    gap_us = histories.session_gap_us
    start, stop = session_bounds(offsets, time_us, gap_us, columns["type"])
    until_us, uncut = histories.until_us, histories.uncut
    return replace(
        histories,
        offsets=offsets,
        time_us=time_us,
        columns=columns,
        subject=[*histories.subject, *names],
        subject_hash=np.concatenate((hashes, hashes[rows])),
        received_us=histories.known_us[every],
        session_start=start,
        session_stop=stop,
        until_us=None if until_us is None else np.append(until_us, until_us[rows]),
        uncut=None if uncut is None else uncut[every],
    )
