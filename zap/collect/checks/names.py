"""Names that protocols have for the fields of an event.

A rule of an id is meant of that id wherever it is: clients repeat it in contexts and
properties, and an alias holds two. Elsewhere a rule means its own place alone; in what
was refused, where there are no places yet, it means all of a field's names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from zap.collect.protocols.snowplow_fields import FIELDS

IDS = {
    "anonymous_id": (
        "previous_id",
        "domain_userid",
        "device_id",
        "anon_distinct_id",
        "distinct_id",
    ),
    "user_id": ("distinct_id",),
}
"""Fields by which a person is known, and their other names in events."""

_IN_REQUESTS = {
    "anonymous_id": ("alias",),
    "user_id": ("alias",),
    "url": ("current_url",),
    "referrer": ("referer",),
    "user_agent": ("raw_user_agent",),
    "category": ("se_ca", "ev_ca"),
    "label": ("se_la", "ev_la"),
    "property": ("se_pr", "ev_pr"),
    "value": ("se_va", "ev_va"),
    "dvce_screenwidth": ("res",),
    "dvce_screenheight": ("res",),
    "doc_width": ("ds",),
    "doc_height": ("ds",),
    "br_viewwidth": ("vp",),
    "br_viewheight": ("vp",),
}


_LONGEST_KEPT = 100


def plain(name: str) -> str:
    """A key without case and punctuation.

    >>> plain("user_id") == plain("userId") == plain("$user-ID")
    True
    """
    return _kept(name) if len(name) <= _LONGEST_KEPT else _plain(name)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


_kept = lru_cache(4096)(_plain)
"""Of short names alone: who sends long ones must not fill the memory with them."""


def in_events(name: str) -> set[str]:
    """The plain names that an id has in events.

    >>> sorted(in_events("user_id"))
    ['distinctid', 'userid']
    """
    return _plain_of((name, *IDS.get(name, ())))


def in_requests(name: str) -> set[str]:
    """The plain names that a field, or the last key of a path, may have in requests.

    >>> sorted(in_requests("user_ipaddress"))
    ['ip', 'useripaddress']
    """
    parameters = [raw for raw, (field, _) in FIELDS.items() if field == name]
    others = (*IDS.get(name, ()), *_IN_REQUESTS.get(name, ()))
    return _plain_of((name, *others, *parameters))


def _plain_of(names: Iterable[str]) -> set[str]:
    return {plain(name) for name in names}
