"""Links between visitors and users, as small tables that merge in any order.

A *link* is any event that carries both an anonymous_id and a user_id. Of most ids it is
enough to know the one user and when the first link was known. Only where several users
share an id does each of its links matter, since one user may come back after another;
so these are collected apart, for the shared ids alone.
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

VISITOR, USER = "anonymous_id", "user_id"
PAIR = (VISITOR, USER)
_TEXTS = [(name, pa.string()) for name in PAIR]
_LINKS = pa.schema([*_TEXTS, ("time_us", pa.int64()), ("known_us", pa.int64())])


def links_of(batch: pa.RecordBatch) -> pa.Table:
    """The links of a batch of canonical events: one row for each distinct one.

    Returns:
        A table with anonymous_id, user_id, time_us (the link's timestamp) and known_us
        (when it was known: received, and not before it happened).
    """
    both = pc.and_(pc.is_valid(batch.column(VISITOR)), pc.is_valid(batch.column(USER)))
    rows = batch.filter(both)
    time = pc.cast(rows.column("timestamp"), pa.int64())
    known = pc.max_element_wise(time, pc.cast(rows.column("received_at"), pa.int64()))
    columns = {name: rows.column(name) for name in PAIR}
    return _distinct(pa.table(columns | {"time_us": time, "known_us": known}))


def first_links(links: pa.Table) -> pa.Table:
    """The links without their timestamps: one row for each id and user."""
    grouped = links.group_by(list(PAIR), use_threads=False)
    return grouped.aggregate([("known_us", "min")]).rename_columns([*PAIR, "known_us"])


def merge_first_links(tables: Iterable[pa.Table]) -> pa.Table:
    """One table of `first_links` out of many; their order does not matter."""
    schema = pa.schema([*_TEXTS, ("known_us", pa.int64())])
    return first_links(pa.concat_tables([schema.empty_table(), *tables]))


def shared_ids(first: pa.Table) -> pa.Array:
    """The anonymous_ids that were linked to more than one user."""
    counted = pc.value_counts(first.column(VISITOR).combine_chunks())
    several = pc.greater(counted.field("counts"), 1)
    return counted.field("values").filter(several)


def links_among(links: pa.Table, ids: pa.Array) -> pa.Table:
    """The links of the anonymous_ids ``ids``."""
    return links.filter(pc.is_in(links.column(VISITOR), value_set=ids))


def merge_links(tables: Iterable[pa.Table]) -> pa.Table:
    """One table of distinct links out of many; their order does not matter."""
    return _distinct(pa.concat_tables([_LINKS.empty_table(), *tables]))


def _distinct(links: pa.Table) -> pa.Table:
    grouped = links.group_by([*PAIR, "time_us"], use_threads=False)
    return grouped.aggregate([("known_us", "min")]).rename_columns(_LINKS.names)


@dataclass(frozen=True)
class Links:
    """Who owns the events of each linked anonymous_id.

    Attributes:
        ids: the anonymous_ids, sorted.
        users: the users, sorted.
        first_user: int64, shape (ids,): whose link was known first, a place in users.
        first_known_us: int64, shape (ids,): when it was known.
        offsets: int64, shape (ids + 1,): the links of each id that users share.
        time_us: int64, shape (links,): their timestamps, ascending within an id.
        known_us: int64, shape (links,): when they were known.
        user: int64, shape (links,): their users.
        pairs: number of distinct pairs of an id and a user.
    """

    ids: Sequence[str]
    users: Sequence[str]
    first_user: IntArray
    first_known_us: IntArray
    offsets: IntArray
    time_us: IntArray
    known_us: IntArray
    user: IntArray
    pairs: int

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each anonymous_id."""
        return {name: place for place, name in enumerate(self.ids)}

    @cached_property
    def _index(self) -> TimeIndex:
        return TimeIndex(FlatHistories(self.offsets, self.time_us, {}))

    def owners(
        self, place: IntArray, time_us: IntArray, known_us: IntArray
    ) -> IntArray:
        """The owner of events without a user_id; int64, shape (events,).

        Args:
            place: int64, shape (events,): the place of their id in ``ids``.
            time_us: int64, shape (events,): their timestamps.
            known_us: int64, shape (events,): when they were known.
        """
        if not len(self.time_us):
            return self.first_user[place]
        start = self.offsets[place]
        link = self._index.first_at_or_after(place, time_us + 1) - 1
        while (late := (link >= start) & (self.known_us[link] > known_us)).any():
            link = link - late
        return np.where(link >= start, self.user[link], self.first_user[place])

    def user_at(self, device: str, moment_us: int) -> str | None:
        """The user of a device at a moment, by what was known then; None for nobody."""
        place = self.places.get(device)
        if place is None or self.first_known_us[place] > moment_us:
            return None
        at = np.array([moment_us])
        return self.users[int(self.owners(np.array([place]), at, at)[0])]

    def counts(self) -> Counter[str]:
        """Links, linked users, and switches of an id from one user to another."""
        id_of = np.repeat(np.arange(len(self.ids)), np.diff(self.offsets))
        changes = (np.diff(self.user) != 0) & (np.diff(id_of) == 0)
        return Counter(
            {
                "identity.links": self.pairs,
                "identity.persons": len(self.users),
                "identity.switches": int(changes.sum()),
            }
        )


def resolve_links(first: pa.Table, links: pa.Table) -> Links:
    """Who owns what.

    Args:
        first: `merge_first_links` of all links.
        links: `merge_links` of the links of all shared ids. Of two links of one id and
            one timestamp, that of the user whose name is greater comes second.
    """
    ids, visitor = _ranked(first.column(VISITOR))
    users, user = _ranked(first.column(USER))
    shared = pc.index_in(links.column(VISITOR), value_set=pa.array(ids, pa.string()))
    named = pc.index_in(links.column(USER), value_set=pa.array(users, pa.string()))
    order = np.lexsort((named, links.column("time_us"), shared))
    shared, named = (np.asarray(c, np.int64)[order] for c in (shared, named))
    time_us, known_us = (
        links.column(name).to_numpy()[order] for name in ("time_us", "known_us")
    )
    # Of links that were known at once, that with the earlier timestamp is the first.
    candidates = np.append(visitor, shared), np.append(user, named)
    when = np.append(first.column("known_us").to_numpy(), known_us)
    alone = np.full(len(visitor), np.iinfo(np.int64).max)
    earliest = np.lexsort(
        (candidates[1], np.append(alone, time_us), when, candidates[0])
    )
    _, place = np.unique(candidates[0][earliest], return_index=True)
    return Links(
        ids=ids,
        users=users,
        first_user=candidates[1][earliest[place]],
        first_known_us=when[earliest[place]],
        offsets=np.searchsorted(shared, np.arange(len(ids) + 1)),
        time_us=time_us,
        known_us=known_us,
        user=named,
        pairs=first.num_rows,
    )


def coded(column: pa.Array) -> tuple[list[str], IntArray]:
    """The distinct texts of a column and the place of each row's, -1 where absent."""
    encoded = pc.dictionary_encode(column)
    codes = pc.fill_null(pc.cast(encoded.indices, pa.int64()), -1)
    return encoded.dictionary.to_pylist(), codes.to_numpy(zero_copy_only=False)


def _ranked(column: pa.ChunkedArray) -> tuple[list[str], IntArray]:
    """The distinct texts, sorted, and the place of each row's."""
    texts, codes = coded(column.combine_chunks())
    order = sorted(range(len(texts)), key=texts.__getitem__)
    rank = np.empty(len(texts), np.int64)
    rank[order] = np.arange(len(texts))
    return [texts[i] for i in order], rank[codes]
