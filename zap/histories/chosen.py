"""The histories of a few subjects out of many, chosen by their keyed names.

Rows of others go as soon as they are read, so that an archive of any size can be looked
through for those whom a log of predictions names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import Source
from zap.histories.arrow import base_columns
from zap.histories.batch import HistoryBatch
from zap.histories.build import HistorySettings, build_histories
from zap.histories.identity import PERSON, with_person
from zap.histories.links import (
    VISITOR,
    Links,
    first_links,
    links_among,
    links_of,
    merge_first_links,
    merge_links,
    resolve_links,
    shared_ids,
)
from zap.histories.subjects import subject_hashes

_ALL = 1 << 40


@dataclass(frozen=True)
class ChosenHistories:
    """What an archive holds of some subjects.

    Attributes:
        histories: theirs, with the field ``event_id``.
        places: rows of subjects by keyed name; of a person who was a visitor each
            visitor has a history of his own.
        has_ids: whether events have ids.
        has_receipts: whether it is told when events were received.
        counts: what was read, and what was dropped for which reason.
    """

    histories: HistoryBatch
    places: dict[str, int]
    has_ids: bool
    has_receipts: bool
    counts: Counter[str]


def chosen_histories(
    sources: Sequence[Source],
    mapping: EventMapping,
    subject: str,
    fields: Collection[str],
    keyed: Collection[str],
    key: bytes,
) -> ChosenHistories:
    """The histories of the subjects that have one of the keyed names.

    No limit on the size of a session or a subject applies, since none does in serving.

    Args:
        sources: the files of the archive.
        mapping: what their rows mean.
        subject: the column of the subject, or the person.
        fields: the fields wanted, derived ones included.
        keyed: their names; see ``zap.encoding.subject_names``.
        key: the secret that the names are made with.

    Raises:
        InputError: a file can't be read.
        MappingError: the mapping does not fit.
        GeneratorError: the archive has no such field.
    """
    counts: Counter[str] = Counter()
    wanted = _Wanted(frozenset(keyed), key)
    columns = base_columns(fields) & set(mapping.property_types())
    links = _links(sources, mapping, columns) if subject == PERSON else None
    kept = []
    for batch in _batches(sources, mapping, columns, counts):
        owned = batch if links is None else with_person(batch, links)
        names = [owned.column(subject)]
        if links is not None:
            names.append(_prefixed(owned.column(VISITOR)))
        mask = np.any([wanted.among(each) for each in names], axis=0)
        kept.append(owned.filter(pa.array(mask)))
    table = pa.Table.from_batches(kept)
    settings = HistorySettings(subject, max_events=_ALL, max_subject_events=_ALL)
    has_ids = table.column("event_id").null_count < table.num_rows
    has_receipts = table.column("received_at").null_count < table.num_rows
    batch, found = build_histories(table, settings, {*fields, "event_id"}, mapping)
    places = {wanted.keyed(name): row for row, name in enumerate(batch.subject)}
    return ChosenHistories(batch, places, has_ids, has_receipts, counts + found)


class _Wanted:
    """Tells which subjects have a keyed name out of some."""

    def __init__(self, names: frozenset[str], key: bytes):
        self._names, self._key = names, key

    def keyed(self, subject: str) -> str:
        return keyed_subject(self._key, subject_hash(subject))

    def among(self, column: pa.Array) -> BoolArray:
        """Which of a batch's rows are of one wanted; bool, shape (rows,)."""
        codes = pc.dictionary_encode(pc.cast(column, pa.string()))
        hashes = subject_hashes(codes.dictionary).tolist()
        ours = [keyed_subject(self._key, hashed) in self._names for hashed in hashes]
        places = pc.fill_null(codes.indices, len(ours)).to_numpy()
        found: BoolArray = np.array([*ours, False])[places]
        return found


def _prefixed(visitors: pa.Array) -> pa.Array:
    """How persons are named who are known by their device alone."""
    names = pc.cast(visitors, pa.string())
    return pc.binary_join_element_wise("anonymous:", names, "")


def _batches(
    sources: Sequence[Source],
    mapping: EventMapping,
    columns: Collection[str],
    counts: Counter[str],
) -> Iterator[pa.RecordBatch]:
    for source in sources:
        for read in read_source(source, mapping, columns):
            counts.update(read.counts)
            yield read.events


def _links(
    sources: Sequence[Source], mapping: EventMapping, columns: Collection[str]
) -> Links:
    """Who owns which visitor, of the whole archive."""
    batches = _batches(sources, mapping, columns, Counter())
    links = merge_links(map(links_of, batches))
    first = merge_first_links([first_links(links)])
    return resolve_links(first, links_among(links, shared_ids(first)))
