"""Encoder: instances become indices and values, in batches and one at a time.

The batch path defines what a vector is. A single instance is a batch of one subject,
encoded by ``zap.encoding.online`` where that is quicker; tests hold the two to the same
bytes, so that training and serving cannot drift apart. A vector holds the ones of the
paper's bit vectors (figure 5b) as unique, ascending indices, with values in [0, 1].
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zap.encoding.aggregates import measured
from zap.encoding.binned import Binned
from zap.encoding.bucketed import bucketed
from zap.encoding.columns import Cutoffs, FlatHistories, IntArray, SparseRows
from zap.encoding.features import Feature, Hash
from zap.encoding.instance import Instance, digest
from zap.encoding.layout import Layout
from zap.encoding.metadata import Last, Metadata, Wait
from zap.encoding.past import Unusual
from zap.encoding.row_cache import DEFAULT_LIMITS, CacheLimits
from zap.encoding.rows import (
    event_columns,
    kept_mask,
    metadata_columns,
    sequence_windows,
)
from zap.encoding.single import one_cutoff, one_history
from zap.errors import EncodingError

if TYPE_CHECKING:
    from zap.encoding.bucket_plan import BucketPlan
    from zap.encoding.day_buckets import DayBuckets
    from zap.encoding.online import Online

FORMAT = 1  # raised by every change of what an encoded vector means
_LITTLE_ENDIAN = [np.dtype(kind) for kind in ("<i8", "<i4", "<f4")]


@dataclass(frozen=True)
class EncodedInstance:
    """One instance, encoded.

    Attributes:
        events: a sparse row for each event of the sequence, the oldest first.
        metadata: one sparse row.
    """

    events: SparseRows
    metadata: SparseRows

    @property
    def digest(self) -> str:
        """Hex digest, 32 digits, of the rows; equal bytes and only those have one."""
        hashed = hashlib.blake2b(digest_size=16)
        for rows in (self.events, self.metadata):
            parts = rows.offsets - rows.offsets[0], rows.indices, rows.values
            for part, kind in zip(parts, _LITTLE_ENDIAN, strict=True):
                hashed.update(np.ascontiguousarray(part, kind).data)
        return hashed.hexdigest()


class Encoder:
    """Encodes the events and the metadata that an instance declares.

    Args:
        instance: a fitted instance; see ``zap.encoding.fit``.
        cache: how many rows of known events ``encode_instance`` keeps: by default
            32,768 rows and about 64 MB, none before its first call.

    Attributes:
        instance: the instance with all edges as numbers.
        hash_buckets: the first places of an event's vector; 0 if nothing is hashed.
        event_size: length of an event's vector.
        metadata_size: length of the metadata vector.
        max_event_ones: most entries of an event's vector.
        max_metadata_ones: most entries of the metadata vector.
        fingerprint: hex digest of all that decides about the encoded bytes.

    Raises:
        EncodingError: a part of the instance is not fitted.
    """

    def __init__(self, instance: Instance, cache: CacheLimits = DEFAULT_LIMITS):
        missing = unfitted(instance)
        if missing:
            raise EncodingError(
                "An encoder needs a fitted instance. Received: without parameters: "
                f"{', '.join(missing)}. Declare them, or fit the instance on examples."
            )
        self.instance = with_edges(instance)
        sources = [feature_of(source) for source in self.instance.all_metadata]
        further = [each.size for each in instance.all_aggregates]
        seed = instance.hash_seed
        self._events = Layout(self.instance.fields, instance.hash_buckets, seed)
        self._metadata = Layout(sources, instance.metadata_buckets, seed, further)
        self.hash_buckets = self._events.buckets
        self.event_size = self._events.size
        self.metadata_size = self._metadata.size
        self.max_event_ones = self._events.most
        self.max_metadata_ones = self._metadata.most
        self.fingerprint = digest(self.to_dict())
        self._limits = cache

    def __getstate__(self) -> dict[str, Any]:
        """Copies know no events: a cache belongs to one object in one process."""
        return {key: value for key, value in vars(self).items() if key != "online"}

    def to_dict(self) -> dict[str, Any]:
        """The encoder as a JSON object."""
        return {"format": FORMAT, "instance": self.instance.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Encoder:
        """The encoder that ``to_dict`` described.

        Raises:
            EncodingError: the object has another format or does not fit.
        """
        if data.get("format") != FORMAT or "instance" not in data:
            raise EncodingError(
                f"Expected an encoder of format {FORMAT}. "
                f"Received: format={data.get('format')!r}. "
                "Generate the examples again with this version."
            )
        return cls(Instance.from_dict(data["instance"]))

    def windows(
        self, histories: FlatHistories, cutoffs: Cutoffs
    ) -> tuple[IntArray, IntArray, IntArray]:
        """The events kept, and the range of them that each cutoff's sequence holds.

        Returns:
            int64 event indices, shape (kept,), of all events of the instance's types;
            int64 start and stop, each of shape (cutoffs,): places in the first.
        """
        found = sequence_windows(self.instance, histories, cutoffs)
        return found.kept, found.start, found.stop

    def encode_events(
        self, histories: FlatHistories, kept: IntArray, with_sources: bool = False
    ) -> SparseRows:
        """A sparse row for each of the events ``kept``.

        A row depends on its event and the kept event before it, never on a cutoff.

        Args:
            histories: the events.
            kept: int64, shape (n,): indices of events of the instance's types.
            with_sources: whether each entry is to say which fields made it.

        Raises:
            EncodingError: a field is missing, or its values do not fit its feature.
        """
        columns = event_columns(self.instance, histories, kept)
        return self._events.fill(columns, len(kept), with_sources=with_sources)

    def encode_metadata(
        self,
        histories: FlatHistories,
        cutoffs: Cutoffs,
        with_sources: bool = False,
        buckets: DayBuckets | None = None,
    ) -> SparseRows:
        """A sparse row for each cutoff, made of its past alone.

        Args:
            histories: the events.
            cutoffs: where.
            with_sources: whether each entry is to say which source made it.
            buckets: of the one cutoff, for windows of whole days; else these too are
                made of the events.

        Raises:
            EncodingError: a field is missing, or its values do not fit its feature.
        """
        columns = [
            (feature_of(source), column)
            for source, column in metadata_columns(self.instance, histories, cutoffs)
        ]
        kept = kept_mask(self.instance, histories)
        further = []
        for each in self.instance.all_aggregates:
            if buckets is not None and each.whole_days:
                (instant_us,) = cutoffs.instant_us.tolist()
                numbers = bucketed(each, buckets, instant_us)
            else:
                types = each.types if each.by else None
                numbers = measured(each, histories, cutoffs, kept, types)
            further.append(each.entries(numbers))
        return self._metadata.fill(columns, len(cutoffs), further, with_sources)

    @cached_property
    def online(self) -> Online:
        """What encodes single instances, and the cache of known events' rows."""
        from zap.encoding.online import Online  # batches do without

        sources = [(each, feature_of(each)) for each in self.instance.all_metadata]
        buckets = self.hash_buckets, self._metadata.buckets
        return Online(self.instance, sources, buckets, self._limits)

    @cached_property
    def _bucket_plan(self) -> BucketPlan | None:
        return self.instance.reads.buckets

    @cached_property
    def metadata_fields(self) -> list[str]:
        """The fields that metadata and aggregates read."""
        measured = {f for each in self.instance.all_aggregates for f in each.fields}
        lasts = {field for field, _ in self.instance.reads.last}
        return sorted(measured | lasts)

    @property
    def event_sources(self) -> list[str]:
        """The fields that ``SparseRows.sources`` of an event's row tells apart."""
        return numbered([feature.field for feature in self.instance.fields])

    @property
    def metadata_sources(self) -> list[str]:
        """The sources that ``SparseRows.sources`` of the metadata tells apart."""
        names = [source.field for source in self.instance.all_metadata]
        return numbered(names + ["windows"] * len(self.instance.all_aggregates))

    def encode_instance(
        self,
        events: Sequence[Mapping[str, Any]],
        instant: datetime | int | None = None,
        buckets: DayBuckets | None = None,
    ) -> EncodedInstance:
        """One instance, as serving needs it: the same bytes as in a batch.

        Args:
            events: the whole past, or what ``Instance.reads`` asks of it. Each holds
                ``timestamp`` (aware datetime or microseconds), ``type``, and fields by
                name, derived ones included. In total order; sorted by timestamp where
                they are not, equal ones as given.
            instant: when the prediction is made; None is when the last event was known:
                at its ``received_at``, and not before its timestamp.
            buckets: all events of the past by day, those of ``events`` too, for windows
                of whole days; see ``Instance.reads``. None: the events hold them.

        Raises:
            EncodingError: an event lacks its timestamp or type, a value is of a type
                that cannot be encoded, or the buckets are not of this instance.
        """
        if buckets is not None and buckets.plan != self._bucket_plan:
            raise EncodingError(
                "Day buckets must be those that Instance.reads asks for. "
                f"Received: {buckets.plan!r}, for {self._bucket_plan!r}. "
                "Make them with DayBuckets.of(encoder.instance)."
            )
        try:
            sequence, metadata = self.online.encode(events, instant, buckets is None)
        except Unusual:
            return self.encode_as_batch(events, instant, buckets)
        if buckets is not None:
            histories = one_history(events, self.metadata_fields)
            cutoffs = one_cutoff(events, histories, instant)
            metadata = self.encode_metadata(histories, cutoffs, buckets=buckets)
        return EncodedInstance(sequence, metadata)

    def encode_as_batch(
        self,
        events: Sequence[Mapping[str, Any]],
        instant: datetime | int | None = None,
        buckets: DayBuckets | None = None,
    ) -> EncodedInstance:
        """The same through the batch path, which says what is right; slow."""
        histories = one_history(events, self.instance.reads.fields)
        cutoffs = one_cutoff(events, histories, instant)
        kept, start, stop = self.windows(histories, cutoffs)
        return EncodedInstance(
            self.encode_events(histories, kept[start[0] : stop[0]]),
            self.encode_metadata(histories, cutoffs, buckets=buckets),
        )


def numbered(names: Sequence[str]) -> list[str]:
    """The names, those that come again with their number: page, page 2."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


def feature_of(source: Metadata) -> Feature:
    """The feature that encodes a source of metadata."""
    if isinstance(source, Last):
        assert source.encode is not None, "not fitted"
        return source.encode
    return source


def unfitted(instance: Instance) -> list[str]:
    """Names of the parts of an instance that lack parameters."""
    parts = [*instance.fields, *instance.all_metadata]
    missing = [f"{type(p).__name__}({p.field!r})" for p in parts if not p.fitted]
    missing += ["windows()" for each in instance.all_aggregates if not each.fitted]
    if hashes(instance.fields) and instance.hash_buckets is None:
        missing.append("hash_buckets")
    encoders = [s.encode for s in instance.metadata if isinstance(s, Last)]
    if hashes(encoders) and instance.metadata_buckets is None:
        missing.append("metadata_buckets")
    return missing


def hashes(features: Sequence[Feature | None]) -> bool:
    """True when one of the features is a Hash."""
    return any(isinstance(feature, Hash) for feature in features)


def with_edges(instance: Instance) -> Instance:
    """The fitted instance with the edges of all bins stored as numbers."""
    return dataclasses.replace(
        instance,
        fields=[_stored(feature) for feature in instance.fields],
        metadata=[
            dataclasses.replace(source, encode=_stored(feature_of(source)))
            if isinstance(source, Last)
            else source.with_edges()
            for source in instance.metadata
        ],
        wait=instance.wait.with_edges() if isinstance(instance.wait, Wait) else False,
    )


def _stored(feature: Feature) -> Feature:
    return feature.with_edges() if isinstance(feature, Binned) else feature
