"""Histories of persons as they were known at the time: before and after a link.

The events of a visitor who became a user later are the user's, but nobody knew so
before the link was known. Two histories tell of that time:

- the *person's* holds all events, those of the visitor known from the link on. The
  machinery of late events keeps them out of cutoffs before it, and no cutoff lies after
  an event that was received before its link;
- the *visitor's* holds the events of one anonymous_id alone, with cutoffs only before
  the link was known.

So each event has its cutoff in exactly one of the two, and so has each instant of a
rule at times. Both carry the person's hash, so that no split separates them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, Cutoffs, IntArray
from zap.encoding.subject_names import OF_DEVICE
from zap.histories.batch import HistoryBatch, with_copies
from zap.histories.identity import LINKED_AT
from zap.histories.links import VISITOR

NEVER = np.iinfo(np.int64).max


def with_visitors(
    persons: HistoryBatch, table: pa.Table, counts: Counter[str]
) -> HistoryBatch:
    """The histories of persons, and after them those of the visitors they had been.

    Args:
        persons: one history a person, its events known when they were received.
        table: the same events in the same order, with `LINKED_AT`.
        counts: what was found is added to it.

    Returns:
        A batch in which the visitors' histories follow the persons', sorted by person
        and anonymous_id.
    """
    known_us = persons.known_us
    linked_us = _linked_us(table)  # of an event with a user_id never past its own
    early = np.flatnonzero(linked_us > known_us)
    if not len(early):
        return persons
    names, visitor = _ranked_ids(table)
    key = persons.rows() * (len(names) + 1) + visitor
    pairs, first = np.unique(key[early], return_index=True)
    place = np.searchsorted(pairs, key)
    mine = np.flatnonzero(np.append(pairs, -1)[place] == key)
    order = mine[np.argsort(place[mine], kind="stable")]
    copies = np.split(order, np.flatnonzero(np.diff(place[order])) + 1)
    rows, ids = np.divmod(pairs, len(names) + 1)
    batch = with_copies(persons, copies, rows, [f"{OF_DEVICE}{names[i]}" for i in ids])
    counts["identity.visitor_histories"] += len(pairs)
    counts["identity.events_linked_back"] += len(early)
    none, copied = np.zeros(len(order), bool), known_us[order]
    return replace(
        batch,
        received_us=np.append(np.maximum(known_us, linked_us), copied),
        until_us=np.append(np.full(persons.subjects, NEVER), linked_us[early[first]]),
        uncut=np.append(linked_us > known_us, none),
    )


def in_own_history(histories: HistoryBatch, cutoffs: Cutoffs, timed: bool) -> BoolArray:
    """Which cutoffs lie in the history that was known then; bool, shape (cutoffs,).

    Args:
        histories: the batch.
        cutoffs: a rule's cutoffs on it.
        timed: whether a link known at the very instant was too late: at a time t what
            counts is what was known before t.
    """
    own = np.ones(len(cutoffs), bool)
    if histories.until_us is not None:
        known = cutoffs.instant_us - (1 if timed else 0)
        own &= known < histories.until_us[cutoffs.subject]
    if histories.uncut is not None and not timed:
        own &= ~histories.uncut[cutoffs.position - 1]
    return own


def _linked_us(table: pa.Table) -> IntArray:
    column = pc.cast(table.column(LINKED_AT), pa.int64())
    filled = pc.fill_null(column, pa.scalar(-NEVER, pa.int64()))
    return np.asarray(filled.to_numpy(), np.int64)


def _ranked_ids(table: pa.Table) -> tuple[list[str], IntArray]:
    """The anonymous_ids, sorted, and each event's place; past the end for none."""
    column = table.column(VISITOR)
    names = sorted(pc.unique(column).drop_null().to_pylist())
    places = pc.index_in(column, value_set=pa.array(names, column.type))
    return names, np.asarray(pc.fill_null(places, len(names)).to_numpy(), np.int64)
