"""Which events no person made, told when they are read, and under which name.

What is excluded is gone: tests and a site's own predictions are no events under any
view. A bot is a finding, which may be wrong, so its events are flagged with a reason
and travel on: they are taken out when histories are made, and what that changes can be
measured. An event without a user agent counts as a person's unless a rule says
otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, Column
from zap.events.bots import is_crawler
from zap.events.coded import codes_of, encoded, from_codes
from zap.histories.arrow import to_columns

IDENTITY = (
    "event_id",
    "timestamp",
    "received_at",
    "type",
    "sequence",
    "group",
    "source",
    "row",
)

BOT = "_bot"
"""The column of reasons that travels with flagged events; null for people's."""


class Predicate(Protocol):
    """What `select_events` needs of a predicate on events."""

    def mask(self, columns: Mapping[str, Column]) -> BoolArray:
        """Which events match."""

    def fields(self) -> Iterator[str] | Collection[str]:
        """Names of the fields that it reads."""


class RowRules(Protocol):
    """What is told of a bot by single events; see ``zap.examples.bots.Bots``."""

    @property
    def agents(self) -> bool: ...
    @property
    def missing_agents(self) -> bool: ...
    @property
    def rules(self) -> Mapping[str, Predicate]: ...
    @property
    def exempt(self) -> Predicate | None: ...


def select_events(
    batch: pa.RecordBatch, exclude: Mapping[str, Predicate], bots: RowRules | None
) -> tuple[pa.RecordBatch, Counter[str]]:
    """The events that are not excluded, those of bots flagged with a reason.

    Args:
        batch: canonical events.
        exclude: named predicates; an event goes under the first that matches.
        bots: what counts as a bot's; None flags nothing and adds no column.

    Returns:
        The events, with the column ``BOT`` if there are rules; and how many were
        dropped, by reason.
    """
    counts: Counter[str] = Counter()
    keep = np.ones(batch.num_rows, bool)
    for name, predicate in exclude.items():
        matched = _mask(batch, predicate) & keep
        counts[f"events.dropped.exclude.{name}"] += int(matched.sum())
        keep &= ~matched
    batch = batch if keep.all() else batch.filter(pa.array(keep))
    return (batch if bots is None else flag_bots(batch, bots)), counts


def flag_bots(batch: pa.RecordBatch, bots: RowRules) -> pa.RecordBatch:
    """The events with the column ``BOT``: the first reason that fits, or null."""
    agents = batch.column("user_agent")
    found: dict[str, BoolArray] = {}
    if bots.agents:
        found["crawler"] = _crawlers(agents)
    if bots.missing_agents:
        found["missing_agent"] = np.asarray(pc.is_null(agents))
    for name, predicate in bots.rules.items():
        found[f"rule.{name}"] = _mask(batch, predicate)
    reason = np.full(batch.num_rows, -1)
    for place, mask in enumerate(found.values()):
        reason[(reason < 0) & mask] = place
    if bots.exempt is not None and (reason >= 0).any():
        reason[_mask(batch, bots.exempt)] = -1
    column = from_codes(reason.astype(np.int32), pa.array([*found], pa.string()))
    return batch.append_column(pa.field(BOT, column.type), column)


def of_people(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The events that are not flagged."""
    people = unflagged(batch)
    return batch if people.all() else batch.filter(pa.array(people))


def unflagged(batch: pa.RecordBatch) -> BoolArray:
    """Which events are people's; bool, shape (events,)."""
    if BOT not in batch.schema.names:
        return np.ones(batch.num_rows, bool)
    return np.asarray(pc.is_null(batch.column(BOT)).to_numpy(zero_copy_only=False))


def _mask(batch: pa.RecordBatch, predicate: Predicate) -> BoolArray:
    return predicate.mask(to_columns(batch, list(predicate.fields())))


def _crawlers(agents: pa.Array) -> BoolArray:
    if agents.null_count == len(agents):
        return np.zeros(len(agents), bool)
    coded = encoded(agents)
    known = [is_crawler(text) for text in coded.dictionary.to_pylist()]
    return np.array([*known, False], bool)[codes_of(coded)]
