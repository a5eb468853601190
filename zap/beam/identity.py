"""The key of the shuffle, and where it is the person, the links that decide about it.

All links of the data must be known before the first event gets its owner. They are
merged into one small table, a side input of the step that adds the column ``person``;
other subjects keep the graph that they have without all this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsSingleton

from zap.beam.outputs import COUNTS, ERRORS, count
from zap.beam.shuffle import KeyByShard
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
from zap.histories.selection import of_people

LEAST_ROWS = 65_536


def key_by_subject(
    events: Any, subject: str, shards: int, most: int, spill: str | None = None
) -> tuple[Any, list[Any], Any]:
    """Pieces of batches keyed by shard, counts of the steps before that, and errors.

    Args:
        events: record batches.
        subject: the column of the subject, or "person".
        shards: number of shards.
        most: most events of a subject; further ones do not travel.
        spill: see `KeyByShard`.
    """
    counts: list[Any] = []
    if subject == PERSON:
        events, counts = _owned(events)
    keyed = events | "Key by subject" >> beam.ParDo(
        KeyByShard(subject, shards, most, spill)
    ).with_outputs(COUNTS, ERRORS, main="keyed")
    return keyed.keyed, [*counts, keyed[COUNTS]], keyed[ERRORS]


def _owned(events: Any) -> tuple[Any, list[Any]]:
    """The events with their persons, and the counts of the links."""
    # A bot that takes a visitor's id and a user's for its own links nobody.
    links = events | "Links" >> beam.Map(lambda batch: links_of(of_people(batch)))
    first = (
        links
        | "First links" >> beam.Map(first_links)
        | "Merge first links" >> beam.CombineGlobally(MergeTables(merge_first_links))
    )
    shared = first | "Shared ids" >> beam.Map(shared_ids)
    switches = (
        links
        | "Links of shared ids" >> beam.Map(links_among, AsSingleton(shared))
        | "Merge links" >> beam.CombineGlobally(MergeTables(merge_links))
    )
    found = first | "Resolve links" >> beam.ParDo(
        _Resolve(), AsSingleton(switches)
    ).with_outputs(COUNTS, main="links")
    owned = events | "Add person" >> beam.Map(with_person, AsSingleton(found.links))
    return owned, [found[COUNTS]]


class MergeTables(beam.CombineFn):
    """Merges tables of links; those that came are joined once they outweigh the rest.

    Merging at every step would go over all links again for each batch.

    Args:
        merge: makes one table of many, whatever their order.
    """

    def __init__(self, merge: Callable[[Iterable[pa.Table]], pa.Table]):
        self._merge = merge

    def create_accumulator(self) -> list[pa.Table]:
        return []

    def add_input(self, tables: list[pa.Table], table: pa.Table) -> list[pa.Table]:
        return self._joined([*tables, table])

    def merge_accumulators(self, many: Iterable[list[pa.Table]]) -> list[pa.Table]:
        return self._joined([table for tables in many for table in tables])

    def _joined(self, tables: list[pa.Table]) -> list[pa.Table]:
        first, *others = [table.num_rows for table in tables] or [0]
        few = sum(others) <= first + LEAST_ROWS
        return tables if few else [self._merge(tables)]

    def extract_output(self, tables: list[pa.Table]) -> pa.Table:
        return self._merge(tables)


class _Resolve(beam.DoFn):
    """Makes the owners of the merged links; counts beside them."""

    def process(self, first: pa.Table, switches: pa.Table) -> Iterator[Any]:
        links = resolve_links(first, switches)
        yield from count(links.counts())
        yield links
