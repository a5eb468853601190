"""What exports and our own archive are called, and the mapping each is ready with.

An export has a known shape, so its name in a mapping (``format = "segment"``) is
enough: the canonical fields come from here, and a mapping's own ``[fields]`` go before
them. The ready fields are written out in ``EventMapping.to_dict``, so the digest of a
mapping tells of a change here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from zap.errors import InputError

EXPORTS: dict[str, dict[str, Any]] = {
    "segment": {
        "event_id": "messageId",
        "anonymous_id": "anonymous",
        "user_id": "userId",
        "timestamp": "time",
        "received_at": "receivedAt",
        "type": "name",
        "url": "url",
        "referrer": "referrer",
        "user_agent": "context.userAgent",
    },
    "snowplow": {
        "event_id": "event_id",
        "anonymous_id": "domain_userid",
        "user_id": "user_id",
        "timestamp": "time",
        "received_at": "received",
        "type": "name",
        "url": "page_url",
        "referrer": "page_referrer",
        "user_agent": "useragent",
    },
    "ga4": {
        "anonymous_id": "user_pseudo_id",
        "user_id": "user_id",
        "timestamp": {"column": "event_timestamp", "unit": "us"},
        "type": "event_name",
        "url": "params.page_location",
        "referrer": "params.page_referrer",
        "sequence": "order",
    },
    "snapshots": {
        "event_id": "id",
        "user_id": "key",
        "timestamp": "timestamp",
        "type": "type",
    },
    "archive": {
        "event_id": "event_id",
        "anonymous_id": "anonymous_id",
        "user_id": "user_id",
        "timestamp": "timestamp",
        "received_at": "received_at",
        "type": "type",
        "url": "url",
        "referrer": "referrer",
        "user_agent": "user_agent",
        "sequence": "sequence",
    },
}
"""Format to canonical fields, in the shape of a mapping's ``[fields]``."""

_GA4_TABLE = re.compile(r"events_(intraday_)?(\d{8})(?!\d)")


def with_ready_fields(form: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping's fields, and those of its export that it does not name itself."""
    return {**EXPORTS.get(form or "", {}), **fields}


def inherited_format(form: str | None) -> str | None:
    """The format that a dimension's table has from the mapping around it.

    Tables of traits stand beside an export, and are none: their names tell.
    """
    return None if form in EXPORTS else form


def check_one_table_a_day(paths: Iterable[str]) -> None:
    """Refuse the files of a day's intraday table beside those of its daily table.

    Both hold the day's events, GA4 gives them no id, and so each would count twice.

    Raises:
        InputError: names the day and both files.
    """
    seen: dict[tuple[str, bool], str] = {}
    for path in paths:
        for intraday, day in _GA4_TABLE.findall(path.replace("\\", "/")):
            other = seen.get((day, not intraday))
            if other is not None:
                raise InputError(
                    "Expected one table of GA4 for a day, the daily or the intraday "
                    f"one. Received: day={day!r} in {path!r} and in {other!r}, which "
                    "hold the same events. Leave the intraday files out."
                )
            seen[day, bool(intraday)] = path
