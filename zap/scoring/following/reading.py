"""Rows of an archive made into the events of shards, through the site's mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.errors import MappingError
from zap.events.archive_groups import SEQUENCE
from zap.events.archive_rows import IN_MEMORY, read_archived
from zap.events.archive_tail import Chunk
from zap.events.derived import DERIVED
from zap.events.mapping import EventMapping
from zap.events.projection import Projector
from zap.events.raw import DeadLetter
from zap.events.sources import Source
from zap.examples.predicates import Event
from zap.histories.arrow import base_columns
from zap.histories.selection import select_events
from zap.histories.subjects import subject_hashes
from zap.scoring.following.notes import packed_events
from zap.serving.stores.need import Need
from zap.serving.stores.wanted import fields_of

_ALWAYS = ("event_id", "timestamp", "received_at", "source", "row")


@dataclass(frozen=True)
class Read:
    """What some rows of an archive came to.

    Attributes:
        shards: the events of each shard that has any, packed; with those of shard 0
            the counts.
        newest_us: the latest receipt of all rows, those too that are no events; None
            if there is none.
        counts: rows and events by what became of them.
        dead: rows that could not be read; ``line`` is the event's number.
    """

    shards: list[tuple[int, bytes]]
    newest_us: int | None
    counts: Counter[str]
    dead: list[DeadLetter]


class ArchiveEvents:
    """Reads what a model needs of an archive's rows.

    Args:
        mapping: of an archive.
        need: what the model looks at.
        shards: how many there are.
        exclude: named predicates of events that do not count.

    Raises:
        MappingError: it is a mapping of something else, or has no such field.
    """

    def __init__(
        self,
        mapping: EventMapping,
        need: Need,
        shards: int,
        exclude: Mapping[str, Event] | None = None,
    ):
        folds = mapping.row_group_key
        if mapping.format != "archive" or mapping.dimensions or folds is not None:
            raise MappingError(
                'Expected a mapping with format = "archive", no dimensions and no '
                "row_group_key: what grows is an archive of events. Received: "
                f"format={mapping.format!r}, "
                f"dimensions={[each.name for each in mapping.dimensions]}, "
                f"row_group_key={folds!r}. Score from other sources in batches, with "
                "zap score."
            )
        self._mapping, self._need, self._shards = mapping, need, shards
        self._exclude = exclude or {}
        wanted = fields_of([need])
        looked = {name for each in self._exclude.values() for name in each.fields()}
        types = mapping.property_types()
        self._properties = sorted((wanted | base_columns(looked)) & {*types})
        source = Source(IN_MEMORY, IN_MEMORY, 0, "archive")
        projector = Projector(source, mapping, self._properties)
        known = {*projector.schema.names, *DERIVED}
        missing = sorted(wanted - known)
        if missing:
            raise MappingError(
                "Expected a mapping of all fields that the model looks at. Received: "
                f"none for {', '.join(missing)}. Add them under [properties]."
            )
        self._columns = [
            name for name in projector.schema.names if name in wanted or name in _ALWAYS
        ]
        self.raw_columns = [*projector.columns(), "received_at"]

    def read(self, chunk: Chunk) -> Read:
        """The events of some rows."""
        numbers = chunk.rows.column(SEQUENCE)
        read = read_archived(chunk.rows, self._mapping, self._properties)
        counts: Counter[str] = Counter(read.counts)
        dead = [
            replace(letter, line=numbers[letter.line - 1].as_py())
            for letter in read.dead
        ]
        selected, dropped = select_events(read.events, self._exclude, None)
        counts.update(dropped)
        events = self._wanted(selected.select(self._columns), counts)
        newest = pc.max(chunk.rows.column("received_at").cast(pa.int64())).as_py()
        return Read([*self._split(events, +counts)], newest, counts, dead)

    def _wanted(self, events: pa.RecordBatch, counts: Counter[str]) -> pa.RecordBatch:
        """Events of a subject that the model looks at, all with an id."""
        kinds = pc.dictionary_encode(events.column("type"))
        reads = [self._need.reads(kind) for kind in kinds.dictionary.to_pylist()]
        looked = np.array([*reads, False])[
            pc.fill_null(kinds.indices, len(reads)).to_numpy()
        ]
        named = pc.is_valid(events.column(self._need.subject)).to_numpy(
            zero_copy_only=False
        )
        counts["events.no_subject"] += int((~named).sum())
        counts["events.not_read"] += int((named & ~looked).sum())
        events = events.filter(pa.array(named & looked))
        ids = events.column("event_id")
        if "sequence" in events.schema.names:
            numbers = pc.cast(events.column("sequence"), pa.string())
            place = events.schema.get_field_index("event_id")
            none = pc.fill_null(pc.equal(ids, ""), True)
            named_by = pc.binary_join_element_wise("number", numbers, ":")
            ids = pc.if_else(none, named_by, ids)
            events = events.set_column(place, "event_id", ids)
        return events

    def _split(
        self, events: pa.RecordBatch, counts: Counter[str]
    ) -> Iterator[tuple[int, bytes]]:
        codes = pc.dictionary_encode(
            pc.cast(events.column(self._need.subject), pa.string())
        )
        shards = subject_hashes(codes.dictionary).view(np.uint64) % np.uint64(
            self._shards
        )
        of_rows = shards[codes.indices.to_numpy()].astype(np.int64)
        for shard in sorted({0, *of_rows.tolist()}):
            ours = events.filter(pa.array(of_rows == shard))
            yield shard, packed_events(ours, {} if shard else counts)
