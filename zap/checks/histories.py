"""From canonical events to histories, and the keys by which cutoffs are told.

`histories_of` is the only place where a table becomes histories for a proof. What a job
does to raw events between reading and grouping must be done here too, or a proof says
nothing about it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from zap.checks.known import ALWAYS_US
from zap.encoding.columns import BoolArray
from zap.encoding.dimensions import activity_mask
from zap.encoding.windows import count_in
from zap.events.coded import whole
from zap.events.derived import DERIVED
from zap.events.mapping import EventMapping
from zap.examples.generator import Generator
from zap.examples.slicing import PastCutoffs
from zap.histories.batch import HistoryBatch
from zap.histories.build import HistorySettings, build_histories
from zap.histories.identity import PERSON, resolved
from zap.histories.selection import BOT, of_people, select_events

LIMITLESS = np.iinfo(np.int64).max


class Key(NamedTuple):
    """What names a cutoff, whatever comes after it.

    Attributes:
        subject: the subject's name.
        instant_us: the instant.
        past: number of events of the past; rows of dimensions without a valid-from do
            not count, since they are of no time.
    """

    subject: str
    instant_us: int
    past: int


def histories_of(
    generator: Generator,
    table: pa.Table,
    mapping: EventMapping,
    settings: HistorySettings | None = None,
) -> HistoryBatch:
    """Histories of canonical events, as a job makes them, with each event's origin.

    Args:
        generator: the question.
        table: canonical events.
        mapping: how rows fold into events.
        settings: in place of the generator's own.
    """
    batch = pa.RecordBatch.from_arrays(
        [whole(column) for column in table.columns], schema=table.schema
    )
    exclude: Any = generator.exclude
    chosen, _ = select_events(batch, exclude, generator.bot_rules())
    people = pa.Table.from_batches([of_people(chosen)])
    if BOT in people.schema.names:
        people = people.drop_columns([BOT])
    if generator.subject == PERSON:
        people = resolved(people)[0]
    fields = generator.fields()
    if fields is None:
        fields = {*table.schema.names, *DERIVED} - {"timestamp"}
    return build_histories(
        people,
        settings or generator.settings(),
        {*fields, "source", "row"},
        mapping,
    )[0]


def without_limits(generator: Generator) -> HistorySettings:
    """The generator's settings, with no session too long or taken for a bot's, and no
    subject too large.

    Whether a session is too long, or a bot's by its pace, is known at its end only.
    That is selection, counted and reported as such; in a proof it would hide what the
    rule does.
    """
    return replace(
        generator.settings(),
        bots=None,
        max_events=LIMITLESS,
        max_subject_events=LIMITLESS,
    )


def always(histories: HistoryBatch) -> BoolArray:
    """Rows of dimensions that have no valid-from; bool, shape (events,)."""
    of_no_time = np.equal(histories.time_us, ALWAYS_US)
    return np.asarray(~activity_mask(histories.columns["type"]) & of_no_time)


def keys_of(found: PastCutoffs) -> list[Key]:
    """The key of each cutoff."""
    histories, cutoffs = found.histories, found.cutoffs
    first = histories.offsets[cutoffs.subject]
    past = count_in(~always(histories), first, cutoffs.position)
    names = histories.subject
    columns = (cutoffs.subject, cutoffs.instant_us, past)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Key(names[row], instant, count) for row, instant, count in rows]
