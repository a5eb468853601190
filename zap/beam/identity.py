"""The key of the shuffle, and where it is the person, the links that decide about it.

All links of the data must be known before the first event gets its owner. They are
merged into one small table, a side input of the step that adds the column ``person``;
other subjects keep the graph that they have without all this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsSingleton

from zap.beam.outputs import COUNTS, count
from zap.beam.shuffle import key_by_shard
from zap.histories.identity import (
    PERSON,
    Links,
    links_of,
    merge_links,
    merge_switch_links,
    resolve_links,
    shared_ids,
    switch_links_of,
    with_person,
)


def key_by_subject(events: Any, subject: str, shards: int) -> tuple[Any, list[Any]]:
    """Pieces of batches keyed by shard, and the counts of the steps before that.

    Args:
        events: record batches.
        subject: the column of the subject, or "person".
        shards: number of shards.
    """
    counts = []
    if subject == PERSON:
        events, counts = _owned(events)
    keyed = events | "Key by subject" >> beam.FlatMap(key_by_shard, subject, shards)
    return keyed, counts


def _owned(events: Any) -> tuple[Any, list[Any]]:
    """The events with their persons, and what there was to count."""
    links = (
        events
        | "Links" >> beam.Map(links_of)
        | "Merge links" >> beam.CombineGlobally(merge_links)
    )
    shared = links | "Shared ids" >> beam.Map(shared_ids)
    switches = (
        events
        | "Links of shared ids" >> beam.Map(switch_links_of, AsSingleton(shared))
        | "Merge switches" >> beam.CombineGlobally(merge_switch_links)
    )
    resolved = links | "Resolve links" >> beam.ParDo(
        _Resolve(), AsSingleton(switches)
    ).with_outputs(COUNTS, main="links")
    owned = events | "Add person" >> beam.ParDo(
        _AddPerson(), AsSingleton(resolved.links)
    ).with_outputs(COUNTS, main="events")
    return owned.events, [resolved[COUNTS], owned[COUNTS]]


class _Resolve(beam.DoFn):
    """Makes the spans of owners; counts beside them."""

    def process(self, links: pa.Table, switches: pa.Table) -> Iterator[Any]:
        found = resolve_links(links, switches)
        yield from count(found.counts())
        yield found


class _AddPerson(beam.DoFn):
    """Adds the owner of each event; counts beside the batches."""

    def process(self, batch: pa.RecordBatch, links: Links) -> Iterator[Any]:
        owned, counts = with_person(batch, links)
        yield from count(counts)
        yield owned
