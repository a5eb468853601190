"""The histories of a few subjects out of many, chosen by their keyed names.

Rows of others go as soon as they are read, so that an archive of any size can be looked
through for those whom a log of predictions names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray
from zap.encoding.subject_names import (
    OF_DEVICE,
    OF_USER,
    keyed_subject,
    subject_hash,
)
from zap.errors import InputError
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
from zap.histories.owners import owners_of
from zap.histories.subjects import subject_hashes

_ALL = 1 << 40
_TOLD = ("event_id", "received_at")


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
        links: whose the devices of persons are; None of other subjects.
        devices: by keyed name the devices that were asked for and linked to a user.
    """

    histories: HistoryBatch
    places: dict[str, int]
    has_ids: bool
    has_receipts: bool
    counts: Counter[str]
    links: Links | None = None
    devices: Mapping[str, str] = field(default_factory=dict)

    def place_of(self, keyed: str, moment_us: int) -> int | None:
        """The row of a subject; None where the archive has no event of it.

        Args:
            keyed: its name.
            moment_us: when it was asked about: of a device that was linked by then the
                row is its user's, as a server answers.
        """
        if self.links is not None and keyed in self.devices:
            user = self.links.user_at(self.devices[keyed], moment_us)
            if user is not None:
                return self._rows.get(f"{OF_USER}{user}")
        return self.places.get(keyed)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.histories.subject)}


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
        InputError: a file can't be read, or there is no event at all.
        MappingError: the mapping does not fit.
        GeneratorError: the archive has no such field.
    """
    counts: Counter[str] = Counter()
    wanted = _Wanted(frozenset(keyed), key)
    columns = base_columns(fields) & set(mapping.property_types())
    links = _links(sources, mapping, columns) if subject == PERSON else None
    devices = {} if links is None else wanted.with_users(owners_of(links))
    kept, told = [], dict.fromkeys(_TOLD, False)
    for batch in _batches(sources, mapping, columns, counts):
        owned = batch if links is None else with_person(batch, links)
        names = [owned.column(subject)]
        if links is not None:
            names.append(_prefixed(owned.column(VISITOR)))
        mask = np.any([wanted.among(each) for each in names], axis=0)
        kept.append(owned.filter(pa.array(mask)))
        told = {name: told[name] or _tells(owned, name) for name in _TOLD}
    if not kept:
        raise InputError(
            "Expected events in the archive. Received: "
            f"files={len(sources)}, rows={counts['rows.read']:,}, events=0. Check the "
            "path and the mapping."
        )
    table = pa.Table.from_batches(kept)
    settings = HistorySettings(subject, max_events=_ALL, max_subject_events=_ALL)
    if table.num_rows:
        # Those of others say nothing of these, where there are any.
        told = {name: _tells(table, name) for name in _TOLD}
    batch, found = build_histories(table, settings, {*fields, "event_id"}, mapping)
    places = {wanted.keyed(name): row for row, name in enumerate(batch.subject)}
    has_ids, has_receipts = (told[name] for name in _TOLD)
    counts += found
    return ChosenHistories(batch, places, has_ids, has_receipts, counts, links, devices)


class _Wanted:
    """Tells which subjects have a keyed name out of some."""

    def __init__(self, names: frozenset[str], key: bytes):
        self._names, self._key = names, key

    def with_users(self, owners: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Want the users of wanted devices too; those devices by keyed name.

        Args:
            owners: of each device the users that it was linked to.
        """
        keyed = {self.keyed(f"{OF_DEVICE}{device}"): device for device in owners}
        found = {name: keyed[name] for name in keyed if name in self._names}
        users = {user for device in found.values() for user in owners[device]}
        self._names |= {self.keyed(f"{OF_USER}{user}") for user in users}
        return found

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


def _tells(events: pa.RecordBatch | pa.Table, name: str) -> bool:
    """Whether any event has a value there."""
    return bool(events.column(name).null_count < events.num_rows)


def _prefixed(visitors: pa.Array) -> pa.Array:
    """How persons are named who are known by their device alone."""
    names = pc.cast(visitors, pa.string())
    return pc.binary_join_element_wise(OF_DEVICE, names, "")


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
