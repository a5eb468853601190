"""What the events of a feed look like: the numbers that its own past is held against.

Values are looked at as they are in the events, not as an encoder sees them, because
encoders change from week to week and a feed's past must stay comparable. A text counts
in the bucket of its hash, a number in that of its power of two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import MISSING, Categorical, Column, IntArray
from zap.events.coded import codes_of, encoded
from zap.histories.arrow import to_columns
from zap.histories.identity import PERSON, subject_columns
from zap.histories.subjects import scrambled, subject_hashes
from zap.times import DAY_US

BUCKETS = 64
MOST_TYPES = 100
_NOT_CONTENT = ("event_id", "received_at", "sequence", "group", "source", "row")


class EventProfile:
    """Counts what passes, batch by batch.

    Args:
        subject: the field that names the subject.
        fields: fields to count values of; derived ones such as ``url.path`` too.
        from_us: earlier events are not counted; microseconds since 1970, UTC.
    """

    def __init__(self, subject: str, fields: Collection[str], from_us: int):
        self._subject = subject_columns(subject)
        self._fields = sorted({*fields} - {"type", "event_id", PERSON})
        self._from_us = from_us
        self._types: Counter[str] = Counter()
        self._days: set[int] = set()
        self._ids: list[IntArray] = []
        self._contents: list[IntArray] = []
        self._subjects: list[IntArray] = []
        self._values = {name: _Values() for name in self._fields}

    def add(self, events: pa.RecordBatch) -> None:
        """Count the events of a batch."""
        micros = pc.cast(events.column("timestamp"), pa.int64()).to_numpy()
        events = events.filter(pa.array(micros >= self._from_us))
        if not events.num_rows:
            return
        micros = pc.cast(events.column("timestamp"), pa.int64()).to_numpy()
        self._days.update(np.unique(micros // DAY_US).tolist())
        for each in pc.value_counts(events.column("type")).to_pylist():
            self._types[each["values"]] += each["counts"]
        self._ids.append(_hashes(events.column("event_id")))
        names = [n for n in events.schema.names if n not in _NOT_CONTENT]
        columns = [_hashes(events.column(name)) for name in names]
        self._contents.append(scrambled(*columns).view(np.int64))
        subject = scrambled(*(_hashes(events.column(n)) for n in self._subject))
        self._subjects.append(subject.view(np.int64))
        for name, column in to_columns(events, self._fields).items():
            if name in self._values:
                self._values[name].add(column)

    def to_dict(self) -> dict[str, Any]:
        """The counts as a JSON object.

        Returns:
            rows; events: without those whose id came before; repeated_ids: the share
            of rows that are such; repeats: the share of events, of distinct ids, that
            equal another in subject, time, type and all fields; subjects; days: with
            events; types: rows by type; fields: for each missing (share), buckets
            (rows by bucket) and constant (whether all its values are one).
        """
        rows = sum(self._types.values())
        content, subjects = self._without_repeated_ids()
        events = len(content)
        return {
            "rows": rows,
            "events": events,
            "repeated_ids": (rows - events) / rows if rows else 0.0,
            "repeats": (events - len(np.unique(content))) / events if events else 0.0,
            "subjects": len(np.unique(subjects)),
            "days": len(self._days),
            "types": dict(sorted(self._types.most_common(MOST_TYPES))),
            "fields": {name: each.to_dict() for name, each in self._values.items()},
        }

    def _without_repeated_ids(self) -> tuple[IntArray, IntArray]:
        """Content and subject of each event, of equal ids the first."""
        if not self._ids:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        ids, content, subjects = (
            np.concatenate(parts)
            for parts in (self._ids, self._contents, self._subjects)
        )
        known = ids != _hash_of_nothing()
        first = np.unique(ids[known], return_index=True)[1]
        kept = np.concatenate([np.flatnonzero(~known), np.flatnonzero(known)[first]])
        return content[kept], subjects[kept]


class _Values:
    """The values of one field, counted."""

    def __init__(self) -> None:
        self._rows = 0
        self._buckets = np.zeros(BUCKETS, np.int64)
        self._some: set[Any] = set()

    def add(self, column: Column) -> None:
        if isinstance(column, Categorical):
            present = column.codes[column.codes != MISSING]
            values: list[Any] = [repr(value) for value in column.distinct]
            hashed = subject_hashes(pa.array(values, pa.string()))
            places = hashed.view(np.uint64)[present] % np.uint64(BUCKETS)
            distinct = [values[code] for code in np.unique(present)[:2].tolist()]
            self._rows += len(column.codes)
        else:
            numbers = column.values[~np.isnan(column.values)]
            places = _powers(numbers)
            distinct = np.unique(numbers)[:2].tolist()
            self._rows += len(column.values)
        self._buckets += np.bincount(places.astype(np.int64), minlength=BUCKETS)
        if len(self._some) < 2:
            self._some.update(distinct)

    def to_dict(self) -> dict[str, Any]:
        present = int(self._buckets.sum())
        return {
            "missing": 1 - present / self._rows if self._rows else 0.0,
            "buckets": self._buckets.tolist(),
            "constant": len(self._some) == 1,
        }


def _powers(numbers: Any) -> IntArray:
    """The bucket of each number: by its sign and its power of two; 0 in the middle."""
    exponent = np.clip(np.frexp(np.abs(numbers))[1], -14, 15) + 16
    middle = BUCKETS // 2
    signed = middle + np.sign(numbers) * (exponent - 1)
    return np.where(numbers == 0, middle, signed).astype(np.int64)


def _hashes(column: pa.Array) -> IntArray:
    """A number for each cell; equal cells have equal numbers."""
    if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        codes = encoded(column)
        found = np.append(subject_hashes(codes.dictionary), _hash_of_nothing())
        return found[codes_of(codes)]
    if pa.types.is_null(column.type):
        return np.full(len(column), _hash_of_nothing())
    if pa.types.is_floating(column.type):
        values = pc.fill_null(column, float("nan")).to_numpy(zero_copy_only=False)
        return np.ascontiguousarray(values, np.float64).view(np.int64)
    if pa.types.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    whole = pc.fill_null(pc.cast(column, pa.int64()), np.iinfo(np.int64).min)
    return np.asarray(whole.to_numpy(zero_copy_only=False), np.int64)


def _hash_of_nothing() -> np.int64:
    return np.int64(-0x5EED0FF)
