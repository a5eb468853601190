"""Which columns of events a generator needs, of those that a reader can give.

Whatever reads raw events for a generator asks for these alone: most of what a site
writes down is of no use to any one question.
"""

from __future__ import annotations

from typing import Any

from zap.events.spec_tables import WEB_FIELDS
from zap.histories.arrow import base_columns
from zap.histories.identity import subject_columns
from zap.histories.selection import BOT, IDENTITY


def columns_to_read(generator: Any) -> set[str] | None:
    """The columns that must survive the grouping by subject; None: all."""
    fields = generator.fields()
    if fields is None or generator.drop_repeated_events:
        return None
    subject = subject_columns(generator.subject)
    return {*IDENTITY, BOT, *subject, *base_columns(fields)}


def excluded_columns(generator: Any) -> set[str]:
    """The columns that only the generator's exclusions look at."""
    read = (name for each in generator.exclude.values() for name in each.fields())
    return base_columns(read)


def properties_to_read(generator: Any) -> list[str] | None:
    """The declared properties that a generator needs, among other names; None: all."""
    wanted = columns_to_read(generator)
    return None if wanted is None else [*wanted, *excluded_columns(generator)]


def unread_fields(generator: Any) -> set[str]:
    """The fields of every event that neither the generator nor its selection reads."""
    wanted = columns_to_read(generator)
    if wanted is None:
        return set()
    looked_at = wanted | excluded_columns(generator)
    if generator.bot_rules() is not None:
        looked_at |= {"user_agent"}
    return {*WEB_FIELDS} - looked_at
