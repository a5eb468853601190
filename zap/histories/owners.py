"""The links between devices and users, where the subject is the person."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from zap.histories.links import (
    Links,
    first_links,
    links_among,
    links_of,
    merge_first_links,
    merge_links,
    resolve_links,
    shared_ids,
)
from zap.histories.selection import of_people


def links_in(batches: Iterable[pa.RecordBatch]) -> Links:
    """Who owns what, by all links of the data.

    Args:
        batches: canonical events, bots' flagged: a bot links nobody.
    """
    tables = [links_of(of_people(batch)) for batch in batches]
    links = merge_links(tables)
    first = merge_first_links([first_links(links)])
    return resolve_links(first, links_among(links, shared_ids(first)))


def owners_of(links: Links) -> dict[str, list[str]]:
    """The users of each device."""
    found = {}
    for place, device in enumerate(links.ids):
        start, stop = links.offsets[place], links.offsets[place + 1]
        users = {int(links.first_user[place]), *links.user[start:stop].tolist()}
        found[device] = [links.users[user] for user in sorted(users)]
    return found
