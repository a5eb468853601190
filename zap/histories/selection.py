"""Which events are left out before histories are made, and under which name.

Known crawlers are told by their user agent; what else no real user did is named by the
generator's own ``exclude``. An event without a user agent counts as a user's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, Column
from zap.events.bots import is_crawler
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


class Predicate(Protocol):
    """What `select_events` needs of a predicate on events."""

    def mask(self, columns: Mapping[str, Column]) -> BoolArray:
        """Which events match."""

    def fields(self) -> Collection[str]:
        """Names of the fields that it reads."""


def select_events(
    batch: pa.RecordBatch, exclude: Mapping[str, Predicate], drop_bots: bool
) -> tuple[pa.RecordBatch, Counter[str]]:
    """The events of real users, and how many were dropped by reason.

    Args:
        batch: canonical events.
        exclude: named predicates; an event goes under the first that matches.
        drop_bots: whether events of known crawlers go.
    """
    counts: Counter[str] = Counter()
    keep = np.ones(batch.num_rows, bool)
    if drop_bots:
        crawlers = _crawlers(batch.column("user_agent"))
        counts["events.dropped.crawler"] += int(crawlers.sum())
        keep &= ~crawlers
    for name, predicate in exclude.items():
        columns = to_columns(batch, list(predicate.fields()))
        matched = predicate.mask(columns) & keep
        counts[f"events.dropped.exclude.{name}"] += int(matched.sum())
        keep &= ~matched
    return (batch if keep.all() else batch.filter(pa.array(keep))), counts


def _crawlers(agents: pa.Array) -> BoolArray:
    if agents.null_count == len(agents):
        return np.zeros(len(agents), bool)
    codes = pc.dictionary_encode(agents)
    known = [is_crawler(text) for text in codes.dictionary.to_pylist()]
    places = pc.fill_null(codes.indices, len(known)).to_numpy()
    return np.asarray(np.array([*known, False])[places], bool)
