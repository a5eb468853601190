"""Who an event belongs to where visitors become users: links, and the person's column.

A *link* is any event that carries both an anonymous_id and a user_id. All links
together give each event exactly one owner, the *person*, which is the key of the
shuffle:

- an event with a user_id belongs to that user;
- one of an anonymous_id without a user_id belongs to the user of the latest link of
  that id up to the event's timestamp, or, before the first link, to its user;
- one of an id that was never linked belongs to the visitor.

What was not known yet at a cutoff is kept out of it after grouping (`visitors`). The
two kinds of names are told apart by a prefix, so that user 7 and visitor 7 stay two
persons; changing it moves all persons between splits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import FlatHistories, IntArray
from zap.encoding.windows import TimeIndex
from zap.events.schema import TIMESTAMP

PERSON = "person"
"""The subject that stands for users with the visitors that they were."""

LINKED_AT = "identity.linked_at"
"""The column that says when the link was known that gave an event its owner."""

ADDED = (PERSON, LINKED_AT)
VISITOR, USER = "anonymous_id", "user_id"
PAIR = (VISITOR, USER)
_TEXTS = dict.fromkeys(PAIR, pa.string())
_LINKS = pa.schema(_TEXTS | {"time_us": pa.int64(), "known_us": pa.int64()})


def subject_columns(subject: str) -> tuple[str, ...]:
    """The columns of events that a subject is told from."""
    return PAIR if subject == PERSON else (subject,)


def without_subject(batch: pa.RecordBatch, subject: str) -> int:
    """Number of events that tell no subject."""
    missing = np.ones(batch.num_rows, bool)
    for name in subject_columns(subject):
        missing &= pc.is_null(batch.column(name)).to_numpy(zero_copy_only=False)
    return int(missing.sum())


def links_of(batch: pa.RecordBatch) -> pa.Table:
    """The batch's links: one row for each anonymous_id and user_id seen together.

    Returns:
        A table with anonymous_id, user_id, time_us (the pair's first timestamp) and
        known_us (when the pair was first known: received, and not before it happened).
    """
    return merge_links([_all_links(batch)])


def merge_links(tables: Iterable[pa.Table]) -> pa.Table:
    """One table of links out of many; their order does not matter."""
    grouped = pa.concat_tables([_LINKS.empty_table(), *tables]).group_by(
        list(PAIR), use_threads=False
    )
    merged = grouped.aggregate([("time_us", "min"), ("known_us", "min")])
    return merged.rename_columns(_LINKS.names).combine_chunks()


def shared_ids(links: pa.Table) -> pa.Array:
    """The anonymous_ids that were linked to more than one user."""
    counted = pc.value_counts(links.column(VISITOR).combine_chunks())
    several = pc.greater(counted.field("counts"), 1)
    return counted.field("values").filter(several)


def switch_links_of(batch: pa.RecordBatch, shared: pa.Array) -> pa.Table:
    """Every link of the ids that several users share, one row for each timestamp.

    The first link of each pair does not tell when a user came back after another.
    """
    links = _all_links(batch)
    mine = links.filter(pc.is_in(links.column(VISITOR), value_set=shared))
    return merge_switch_links([mine])


def merge_switch_links(tables: Iterable[pa.Table]) -> pa.Table:
    """One table of distinct links of shared ids out of many."""
    joined = pa.concat_tables([_LINKS.empty_table(), *tables])
    grouped = joined.group_by([*PAIR, "time_us"], use_threads=False)
    return grouped.aggregate([("known_us", "min")]).rename_columns(_LINKS.names)


def _all_links(batch: pa.RecordBatch) -> pa.Table:
    both = pc.and_(pc.is_valid(batch.column(VISITOR)), pc.is_valid(batch.column(USER)))
    rows = batch.filter(both)
    time = pc.cast(rows.column("timestamp"), pa.int64())
    received = pc.cast(rows.column("received_at"), pa.int64())
    known = pc.max_element_wise(time, received)
    columns = [rows.column(VISITOR), rows.column(USER), time, known]
    return pa.Table.from_arrays(columns, schema=_LINKS)


@dataclass(frozen=True)
class Links:
    """Who owns the events of each linked anonymous_id, from when on.

    Attributes:
        ids: the anonymous_ids, sorted.
        users: the users, sorted.
        offsets: int64, shape (ids + 1,): the spans of each id.
        time_us: int64, shape (spans,): when each span begins, ascending within an id.
        user: int64, shape (spans,): the owner, a place in ``users``.
        known_us: int64, shape (spans,): when the id was first known to be this user's.
        pairs: number of distinct pairs of an id and a user.
    """

    ids: Sequence[str]
    users: Sequence[str]
    offsets: IntArray
    time_us: IntArray
    user: IntArray
    known_us: IntArray
    pairs: int

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each anonymous_id."""
        return {name: place for place, name in enumerate(self.ids)}

    @cached_property
    def _index(self) -> TimeIndex:
        return TimeIndex(FlatHistories(self.offsets, self.time_us, {}))

    def span_at(self, place: IntArray, time_us: IntArray) -> IntArray:
        """The span of each id (a place in ``ids``) at a time; the first before it."""
        after = self._index.first_at_or_after(place, time_us + 1)
        return np.maximum(after - 1, self.offsets[place])

    def counts(self) -> Counter[str]:
        """Links, linked users, and switches of an id from one user to another."""
        return Counter(
            {
                "identity.links": self.pairs,
                "identity.persons": len(self.users),
                "identity.switches": len(self.user) - len(self.ids),
            }
        )


def resolve_links(links: pa.Table, switches: pa.Table) -> Links:
    """Who owns what, from the merged links and the links of shared ids.

    Of two links of one id with one timestamp, that of the later name comes second.
    """
    both = pa.concat_tables([links, switches])
    ids, visitor = _ranked(both.column(VISITOR))
    users, user = _ranked(both.column(USER))
    time_us = both.column("time_us").to_numpy()
    order = np.lexsort((user, time_us, visitor))
    pair = visitor * len(users) + user
    begins = order[np.diff(pair[order], prepend=-1) != 0]
    distinct, place = np.unique(pair, return_inverse=True)
    first_known = np.full(len(distinct), np.iinfo(np.int64).max)
    np.minimum.at(first_known, place, both.column("known_us").to_numpy())
    return Links(
        ids=ids,
        users=users,
        offsets=np.searchsorted(visitor[begins], np.arange(len(ids) + 1)),
        time_us=time_us[begins],
        user=user[begins],
        known_us=first_known[place[begins]],
        pairs=links.num_rows,
    )


def with_person(
    batch: pa.RecordBatch, links: Links
) -> tuple[pa.RecordBatch, Counter[str]]:
    """The batch with the columns ``ADDED``: each event's owner, and its link's time.

    Args:
        batch: canonical events.
        links: all links of the data.

    Returns:
        The batch, and the number of events before the first link of their id.
    """
    visitors, visitor = _coded(batch.column(VISITOR))
    users, user = _coded(batch.column(USER))
    places = np.array([*(links.places.get(name, -1) for name in visitors), -1])
    place = np.where(user < 0, places[visitor], -1)
    linked = np.flatnonzero(place >= 0)
    time_us = pc.cast(batch.column("timestamp"), pa.int64()).to_numpy()[linked]
    span = links.span_at(place[linked], time_us)
    owners, owner = np.unique(links.user[span], return_inverse=True)
    names = [f"user:{name}" for name in users]
    names += [f"user:{links.users[code]}" for code in owners]
    names += [f"anonymous:{name}" for name in visitors]
    codes = np.where(visitor < 0, -1, len(users) + len(owners) + visitor)
    codes[linked] = len(users) + owner
    codes = np.where(user < 0, codes, user)
    known_us = np.zeros(batch.num_rows, np.int64)
    known_us[linked] = links.known_us[span]
    persons = pa.array(names, pa.string()).take(pa.array(codes, mask=codes < 0))
    since = pa.array(known_us, mask=place < 0).cast(TIMESTAMP)
    back = time_us < links.time_us[links.offsets[place[linked]]]
    return pa.RecordBatch.from_arrays(
        [*batch.columns, persons, since], [*batch.schema.names, *ADDED]
    ), Counter({"identity.events_linked_back": int(back.sum())})


def resolved(events: pa.Table) -> tuple[pa.Table, Counter[str]]:
    """Events with their persons, where the table holds all events of the data."""
    batches = events.combine_chunks().to_batches() or [_empty(events.schema)]
    links = merge_links(map(links_of, batches))
    shared = shared_ids(links)
    switches = merge_switch_links(switch_links_of(each, shared) for each in batches)
    found = resolve_links(links, switches)
    counts = found.counts()
    owned = []
    for batch in batches:
        batch, counted = with_person(batch, found)
        counts.update(counted)
        owned.append(batch)
    return pa.Table.from_batches(owned), counts


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=schema)


def _coded(column: pa.Array) -> tuple[list[str], IntArray]:
    """The distinct texts of a column and the place of each row's, -1 where absent."""
    encoded = pc.dictionary_encode(column)
    codes = pc.fill_null(pc.cast(encoded.indices, pa.int64()), -1)
    return encoded.dictionary.to_pylist(), codes.to_numpy(zero_copy_only=False).copy()


def _ranked(column: pa.ChunkedArray) -> tuple[list[str], IntArray]:
    """The distinct texts, sorted, and the place of each row's."""
    texts, codes = _coded(pa.concat_arrays(column.chunks))
    order = sorted(range(len(texts)), key=texts.__getitem__)
    rank = np.empty(len(texts), np.int64)
    rank[order] = np.arange(len(texts))
    return [texts[i] for i in order], rank[codes]
