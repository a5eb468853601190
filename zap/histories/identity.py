"""Whose an event is where visitors become users: the links, and the person's column.

A *link* is any event that carries both an anonymous_id and a user_id. All links
together give each event one owner, the *person*, which is the key of the shuffle:

- an event with a user_id is that user's;
- one of an anonymous_id alone is the user's whom the id's latest link up to the event's
  timestamp names, out of the links that were known when the event was;
- if there is none, it is the user's whose link was known first;
- one of an id that was never linked is the visitor's.

So no link that is known later takes an event from one who was known to own it. What was
not known at a cutoff is kept out of it after grouping (`visitors`). A prefix tells
users from visitors, so that user 7 and visitor 7 stay two persons; changing it moves
all persons between splits.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.subject_names import OF_DEVICE, OF_USER
from zap.events.schema import TIMESTAMP
from zap.histories.links import (
    PAIR,
    USER,
    VISITOR,
    Links,
    coded,
    first_links,
    links_among,
    links_of,
    merge_first_links,
    merge_links,
    resolve_links,
    shared_ids,
)

PERSON = "person"
"""The subject that stands for users together with the visitors that they were."""

LINKED_AT = "identity.linked_at"
"""The column that says when the first link of the event's anonymous_id was known."""

ADDED = (PERSON, LINKED_AT)


def subject_columns(subject: str) -> tuple[str, ...]:
    """The columns of events that a subject is told from."""
    return PAIR if subject == PERSON else (subject,)


def without_subject(batch: pa.RecordBatch, subject: str) -> int:
    """Number of events that tell no subject."""
    missing = np.ones(batch.num_rows, bool)
    for name in subject_columns(subject):
        missing &= pc.is_null(batch.column(name)).to_numpy(zero_copy_only=False)
    return int(missing.sum())


def with_person(batch: pa.RecordBatch, links: Links) -> pa.RecordBatch:
    """The batch of canonical events with the columns ``ADDED``, by all links."""
    visitors, visitor = coded(batch.column(VISITOR))
    users, user = coded(batch.column(USER))
    places = np.array([*(links.places.get(name, -1) for name in visitors), -1])
    linked = places[visitor] >= 0
    asked = np.flatnonzero(linked & (user < 0))
    place = places[visitor[asked]]
    time_us = pc.cast(batch.column("timestamp"), pa.int64()).to_numpy()
    received = pc.cast(batch.column("received_at"), pa.int64())
    known_us = pc.max_element_wise(time_us, received).to_numpy()
    found = links.owners(place, time_us[asked], known_us[asked])
    owners, owner = np.unique(found, return_inverse=True)
    names = [f"{OF_USER}{name}" for name in users]
    names += [f"{OF_USER}{links.users[code]}" for code in owners]
    names += [f"{OF_DEVICE}{name}" for name in visitors]
    codes = np.where(visitor < 0, -1, len(users) + len(owners) + visitor)
    codes[asked] = len(users) + owner
    codes = np.where(user < 0, codes, user)
    since = np.zeros(batch.num_rows, np.int64)
    since[linked] = links.first_known_us[places[visitor[linked]]]
    added = [
        pa.array(names, pa.string()).take(pa.array(codes, mask=codes < 0)),
        pa.array(since, mask=~linked).cast(TIMESTAMP),
    ]
    return pa.RecordBatch.from_arrays(
        [*batch.columns, *added], schema=_with_added(batch.schema)
    )


def resolved(events: pa.Table) -> tuple[pa.Table, Counter[str]]:
    """Events with their persons, where the table holds all events of the data.

    Returns:
        The table with the columns ``ADDED``, and `Links.counts`.
    """
    batches = events.combine_chunks().to_batches()
    links = merge_links(map(links_of, batches))
    first = merge_first_links([first_links(links)])
    found = resolve_links(first, links_among(links, shared_ids(first)))
    owned = [with_person(batch, found) for batch in batches]
    return pa.Table.from_batches(owned, _with_added(events.schema)), found.counts()


def _with_added(schema: pa.Schema) -> pa.Schema:
    return schema.append(pa.field(PERSON, pa.string())).append(
        pa.field(LINKED_AT, TIMESTAMP)
    )
