"""From the events of a shard to clean histories, as columnar work.

Rows arrive in any order and number of chunks; what leaves depends on neither. The order
of the steps is part of the definition: rows flagged as bots' go first, then subjects
that are too large (so that they cost no more), then lines are folded, the total order
is made, repeated ids and, by option, repeated events go, sessions are cut, and sessions
of bots and those that are too long go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, IntArray
from zap.encoding.dimensions import activity_mask
from zap.events.coded import codes_of, compacted, encoded, whole, with_texts
from zap.events.folding import fold_rows
from zap.events.mapping import EventMapping
from zap.events.order import total_order
from zap.histories.activity import (
    large_subjects,
    long_sessions,
    previous_active,
)
from zap.histories.arrow import base_columns, to_column, to_columns
from zap.histories.batch import HistoryBatch, session_bounds
from zap.histories.bot_rules import SessionRules
from zap.histories.bots import note_flagged, session_bots, take_out_flagged
from zap.histories.identity import ADDED, LINKED_AT, PERSON
from zap.histories.known import known_by
from zap.histories.links import VISITOR
from zap.histories.repeats import originals, repeated_ids, with_first_receipts
from zap.histories.subjects import subject_hashes
from zap.histories.visitors import with_visitors

NEEDED = ("event_id", "timestamp", "received_at", "type")

ORDER_COLUMNS = ("timestamp", "received_at", "sequence", "source", "row")


@dataclass(frozen=True)
class HistorySettings:
    """How histories are made of events.

    Attributes:
        subject: the column that names the subject.
        session_gap_us: inactivity that cuts sessions; None: one session a history.
        max_events: most events of a session, after cleaning.
        max_subject_events: most events of a subject, as read.
        drop_repeated_events: whether an event goes that equals the one before it in all
            but its time.
        bots: what in a session tells of a bot, or None.
    """

    subject: str = "anonymous_id"
    session_gap_us: int | None = None
    max_events: int = 1_000
    max_subject_events: int = 100_000
    drop_repeated_events: bool = False
    bots: SessionRules | None = None


def build_histories(
    table: pa.Table,
    settings: HistorySettings,
    fields: Collection[str],
    mapping: EventMapping,
    flagged: MutableMapping[str, str] | None = None,
    known_by_us: int | None = None,
) -> tuple[HistoryBatch, Counter[str]]:
    """Clean histories of the events in ``table``, and what was dropped.

    Args:
        table: canonical events of whole subjects, in any order.
        settings: limits and sessions.
        fields: the fields to carry, derived ones included.
        mapping: how rows fold into events.
        flagged: gets the first reason of each subject that had events of bots.
        known_by_us: where rows fold, only events that were known at this instant
            count; None for all. Others are chosen where they are read.

    Returns:
        The histories, sorted by the subject's hash, and counts by reason.
    """
    counts: Counter[str] = Counter()
    if settings.subject == PERSON:
        fields = {*fields} - {*ADDED}  # they tell what became known only later
    table = _with_subject(table, settings.subject)
    if mapping.row_group_key is None and "event_id" not in fields:
        table = _with_codes_for_ids(table)
    table = take_out_flagged(table, settings.subject, counts, flagged)
    table = _drop_large_subjects(table, settings, counts)
    if mapping.row_group_key is not None:
        table = _folded(table, mapping, settings.subject, known_by_us, counts)
    order, names, hashes, offsets = _in_total_order(table, settings.subject)
    table = _narrowed(table, settings, fields).take(pa.array(order))
    table, offsets = _drop_repeats(table, offsets, settings, counts)
    found = session_bots(table, offsets, settings.session_gap_us, settings.bots, counts)
    if found:
        _note_bots(found, offsets, names, flagged)
        table, offsets = _keep(table, offsets, ~np.any([*found.values()], axis=0))
    time_us = _micros(table.column("timestamp"))
    table, offsets = _drop_long_sessions(table, offsets, time_us, settings, counts)
    time_us = _micros(table.column("timestamp"))
    columns = to_columns(table, fields)
    gap_us = settings.session_gap_us
    start, stop = session_bounds(offsets, time_us, gap_us, columns["type"])
    filled = np.flatnonzero(np.diff(offsets))
    counts["events.kept"] += len(time_us)
    counts["histories.kept"] += len(filled)
    batch = HistoryBatch(
        offsets=np.append(offsets[filled], offsets[-1]),
        time_us=time_us,
        columns=columns,
        subject=[names[row] for row in filled],
        subject_hash=hashes[filled],
        received_us=_received(table, time_us, counts),
        session_start=start,
        session_stop=stop,
        session_gap_us=settings.session_gap_us,
    )
    if settings.subject == PERSON:
        batch = with_visitors(batch, table, counts)
    return batch, counts


def _folded(
    table: pa.Table,
    mapping: EventMapping,
    subject: str,
    known_by_us: int | None,
    counts: Counter[str],
) -> pa.Table:
    """Events of the rows that fold into them; see ``build_histories``."""
    table, folded = fold_rows(with_texts(table), mapping, subject)
    counts["rows.folded"] += folded
    if known_by_us is None:
        return table
    known = known_by(table, known_by_us)
    counts["events.not_yet_known"] += table.num_rows - known.num_rows
    return known


def _note_bots(
    found: Mapping[str, BoolArray],
    offsets: IntArray,
    names: Sequence[str],
    flagged: MutableMapping[str, str] | None,
) -> None:
    """Write down whose sessions were bots', and why."""
    for reason, mask in found.items():
        rows = np.searchsorted(offsets, np.flatnonzero(mask), "right") - 1
        note_flagged(flagged, (names[row] for row in np.unique(rows)), reason)


def _with_subject(table: pa.Table, subject: str) -> pa.Table:
    """The events that have a subject, which is coded."""
    place = table.schema.get_field_index(subject)
    column = encoded(whole(table.column(subject)))
    table = table.set_column(place, subject, column)
    return table.filter(pc.is_valid(column)) if column.null_count else table


def _with_codes_for_ids(table: pa.Table) -> pa.Table:
    """Whole numbers for the ids, which nobody reads: most of what is moved is ids."""
    place = table.schema.get_field_index("event_id")
    codes = repeated_ids(whole(table.column("event_id")))
    return table.set_column(place, "event_id", codes)


def _narrowed(
    table: pa.Table, settings: HistorySettings, fields: Collection[str]
) -> pa.Table:
    """The table without what nothing looks at any more: sorting moves every column."""
    if settings.drop_repeated_events:
        return table  # events are compared by all that they hold
    needed = {*NEEDED, *base_columns(fields)}
    if settings.subject == PERSON:
        needed |= {LINKED_AT, VISITOR}
    if settings.bots is not None:
        needed |= {"source"}
        if settings.bots.exempt is not None:
            needed |= base_columns(settings.bots.exempt.fields())
    return table.select([name for name in table.schema.names if name in needed])


def _drop_large_subjects(
    table: pa.Table, settings: HistorySettings, counts: Counter[str]
) -> pa.Table:
    codes = encoded(whole(table.column(settings.subject)))
    places = codes_of(codes)
    sizes = np.bincount(places, minlength=len(codes.dictionary))
    large = large_subjects(
        places, sizes, to_column(table.column("type")), settings.max_subject_events
    )
    if not large.any():
        return table
    counts["histories.dropped.max_subject_events"] += int(large.sum())
    counts["events.dropped.max_subject_events"] += int(sizes[large].sum())
    return table.filter(pa.array(~large[places]))


def _in_total_order(
    table: pa.Table, subject: str
) -> tuple[IntArray, list[str], IntArray, IntArray]:
    """The order by subject and total order; subjects' names, hashes, offsets."""
    codes = compacted(encoded(whole(table.column(subject))))
    names = [str(name) for name in codes.dictionary.to_pylist()]
    hashes = subject_hashes(codes.dictionary)
    by_hash = _by_hash(hashes, names)
    rank = np.empty(len(names), np.int64)
    rank[by_hash] = np.arange(len(names))
    rows = rank[codes_of(codes)] if len(names) else np.zeros(0, np.int64)
    order = total_order(table)
    order = order[np.argsort(rows[order], kind="stable")]
    offsets = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(names)))))
    return order, [names[i] for i in by_hash], hashes[by_hash], offsets


def _by_hash(hashes: IntArray, names: Sequence[str]) -> IntArray:
    """The subjects in the order of their hashes; of equal ones by name."""
    order = np.argsort(hashes, kind="stable")
    if (np.diff(hashes[order]) == 0).any():
        order = np.array(
            sorted(range(len(names)), key=lambda i: (hashes[i], names[i])), np.int64
        )
    return order


def _micros(column: pa.ChunkedArray) -> IntArray:
    return np.asarray(pc.cast(column, pa.int64()).to_numpy(), np.int64)


def _received(
    table: pa.Table, time_us: IntArray, counts: Counter[str]
) -> IntArray | None:
    """When each event was known; None where no event tells.

    Where a client's clock runs fast, an event is received before it happened. Nobody
    knew of it before its own time, or events just before it would count as late.
    """
    column = table.column("received_at")
    if column.null_count == len(column):
        return None
    known = pc.coalesce(column, table.column("timestamp"))
    values = _micros(known)
    counts["events.clock_skew"] += int((values < time_us).sum())
    return np.maximum(values, time_us)


def _drop_repeats(
    table: pa.Table, offsets: IntArray, settings: HistorySettings, counts: Counter[str]
) -> tuple[pa.Table, IntArray]:
    original = originals(table, offsets)
    repeated = original != np.arange(len(original))
    counts["events.dropped.duplicate_id"] += int(repeated.sum())
    table = with_first_receipts(table, original, repeated)
    table, offsets = _keep(table, offsets, ~repeated)
    if settings.drop_repeated_events and table.num_rows:
        same = _equals_previous(table, offsets)
        counts["events.dropped.repeated_event"] += int(same.sum())
        table, offsets = _keep(table, offsets, ~same)
    return table, offsets


def _equals_previous(table: pa.Table, offsets: IntArray) -> BoolArray:
    """Events that equal the one before them in all but identity and time."""
    skipped = {*ORDER_COLUMNS, "event_id", "group"}
    previous, same = previous_active(to_column(table.column("type")), offsets)
    for name in table.schema.names:
        if name in skipped:
            continue
        codes = pc.dictionary_encode(table.column(name), null_encoding="encode")
        places = codes.combine_chunks().indices.to_numpy()
        same &= places == places[previous]
    return same


def _drop_long_sessions(
    table: pa.Table,
    offsets: IntArray,
    time_us: IntArray,
    settings: HistorySettings,
    counts: Counter[str],
) -> tuple[pa.Table, IntArray]:
    types = to_column(table.column("type"))
    start, stop = session_bounds(offsets, time_us, settings.session_gap_us, types)
    long = long_sessions(activity_mask(types), start, stop, settings.max_events)
    if not long.any():
        return table, offsets
    counts["sessions.dropped.max_events"] += len(np.unique(start[long]))
    counts["events.dropped.max_events"] += int(long.sum())
    return _keep(table, offsets, ~long)


def _keep(
    table: pa.Table, offsets: IntArray, keep: BoolArray
) -> tuple[pa.Table, IntArray]:
    if keep.all():
        return table, offsets
    before = np.concatenate(([0], np.cumsum(keep)))
    return table.filter(pa.array(keep)), before[offsets]
