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
from zap.histories.identity import PERSON, with_person
from zap.histories.links import (
    first_links,
    links_among,
    links_of,
    merge_first_links,
    merge_links,
    resolve_links,
    shared_ids,
)


def key_by_subject(events: Any, subject: str, shards: int) -> tuple[Any, list[Any]]:
    """Pieces of batches keyed by shard, and the counts of the steps before that.

    Args:
        events: record batches.
        subject: the column of the subject, or "person".
        shards: number of shards.
    """
    counts: list[Any] = []
    if subject == PERSON:
        events, counts = _owned(events)
    keyed = events | "Key by subject" >> beam.FlatMap(key_by_shard, subject, shards)
    return keyed, counts


def _owned(events: Any) -> tuple[Any, list[Any]]:
    """The events with their persons, and the counts of the links."""
    links = events | "Links" >> beam.Map(links_of)
    first = (
        links
        | "First links" >> beam.Map(first_links)
        | "Merge first links" >> beam.CombineGlobally(merge_first_links)
    )
    shared = first | "Shared ids" >> beam.Map(shared_ids)
    switches = (
        links
        | "Links of shared ids" >> beam.Map(links_among, AsSingleton(shared))
        | "Merge links" >> beam.CombineGlobally(merge_links)
    )
    found = first | "Resolve links" >> beam.ParDo(
        _Resolve(), AsSingleton(switches)
    ).with_outputs(COUNTS, main="links")
    owned = events | "Add person" >> beam.Map(with_person, AsSingleton(found.links))
    return owned, [found[COUNTS]]


class _Resolve(beam.DoFn):
    """Makes the owners of the merged links; counts beside them."""

    def process(self, first: pa.Table, switches: pa.Table) -> Iterator[Any]:
        links = resolve_links(first, switches)
        yield from count(links.counts())
        yield links
