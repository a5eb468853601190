"""Sketches of the values that an instance leaves to be fitted.

Only what the given cutoffs can see is sketched: events of their sequences, and their
metadata. Each shard is sketched by itself; the sketches of all are merged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zap.encoding.aggregates import Aggregates, measured
from zap.encoding.columns import Categorical, Column, Cutoffs, FlatHistories, Numeric
from zap.encoding.feature import Feature
from zap.encoding.features import Hash, OneHot
from zap.encoding.hashing import bucket
from zap.encoding.instance import AnyType, Instance
from zap.encoding.metadata import Last
from zap.encoding.rows import (
    event_columns,
    kept_mask,
    metadata_columns,
    sequence_windows,
)
from zap.encoding.sketch import Numbers, Texts, merged
from zap.encoding.values import as_categorical, numbers_of, strings_in, used_codes


@dataclass(frozen=True)
class SketchSet:
    """Sketches of what an instance leaves open, by the place that it has there."""

    numbers: Mapping[str, Numbers] = field(default_factory=dict)
    texts: Mapping[str, Texts] = field(default_factory=dict)

    def merge(self, other: SketchSet) -> SketchSet:
        """The sketches of both sets of examples together."""
        return SketchSet(
            merged(self.numbers, other.numbers, {*self.numbers, *other.numbers}),
            merged(self.texts, other.texts, {*self.texts, *other.texts}),
        )

    def to_dict(self) -> dict[str, Any]:
        """The sketches as a JSON object."""
        return {
            "numbers": {k: v.to_dict() for k, v in sorted(self.numbers.items())},
            "texts": {k: v.to_dict() for k, v in sorted(self.texts.items())},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SketchSet:
        """The sketches that ``to_dict`` described."""
        return cls(
            {k: Numbers.from_dict(v) for k, v in data["numbers"].items()},
            {k: Texts.from_dict(v) for k, v in data["texts"].items()},
        )


def sketch_instance(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> SketchSet:
    """Sketches of what the instance leaves open, over what these cutoffs can see.

    An event counts once, however many sequences it is in.
    """
    sketches = SketchSet()
    for part in (_sketch_events, _sketch_metadata, _sketch_aggregates):
        sketches = sketches.merge(part(instance, histories, cutoffs))
    return sketches


def _sketch_events(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> SketchSet:
    kept = sequence_windows(instance, histories, cutoffs).covered().kept
    sketches = SketchSet()
    for i, (feature, column) in enumerate(event_columns(instance, histories, kept)):
        found = _sketch_feature(feature, column, f"fields.{i}")
        if isinstance(feature, Hash) and instance.hash_buckets is None:
            found = _sketch_hashed(feature, column, "hash_buckets", instance.hash_seed)
        sketches = sketches.merge(found)
    return sketches


def _sketch_metadata(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> SketchSet:
    sketches, seed = SketchSet(), instance.hash_seed
    columns = metadata_columns(instance, histories, cutoffs)
    for i, (source, column) in enumerate(columns):
        feature = source.encode if isinstance(source, Last) else source
        found = SketchSet()
        if feature is not None:
            found = _sketch_feature(feature, column, f"metadata.{i}")
        elif isinstance(column, Numeric):
            found = SketchSet({f"metadata.{i}": Numbers.of(column.values)})
        else:
            feature = Hash(source.field)
            found = _sketch_hashed(feature, column, f"metadata.{i}", seed)
        if isinstance(feature, Hash) and instance.metadata_buckets is None:
            hashed = _sketch_hashed(feature, column, "metadata_buckets", seed)
            found = found.merge(hashed)
        sketches = sketches.merge(found)
    return sketches


def _sketch_feature(feature: Feature, column: Column, slot: str) -> SketchSet:
    if feature.fitted:
        return SketchSet()
    if isinstance(feature, OneHot):
        return SketchSet(texts={slot: Texts.of(_counts(as_categorical(column)))})
    return SketchSet({slot: Numbers.of(numbers_of(column, feature.field))})


def _sketch_hashed(feature: Hash, column: Column, slot: str, seed: int) -> SketchSet:
    """The hashes of a feature's strings, from which collisions can be counted."""
    counts: Counter[str] = Counter()
    for value, count in _counts(as_categorical(column)).items():
        for text in strings_in(value, feature.most):
            counts[str(bucket(feature.field, text, 2**32, seed))] += count
    return SketchSet(texts={slot: Texts.of(counts)})


def _counts(column: Categorical) -> dict[Any, int]:
    counts = np.bincount(column.codes + 1, minlength=len(column.distinct) + 1)
    return {column.distinct[code]: int(counts[code + 1]) for code in used_codes(column)}


def _sketch_aggregates(
    instance: Instance, histories: FlatHistories, cutoffs: Cutoffs
) -> SketchSet:
    sketches, kept = SketchSet(), kept_mask(instance, histories)
    by_type = False
    for i, each in enumerate(instance.all_aggregates):
        if each.fitted:
            continue
        by_type = by_type or (each.by is not None and each.types is None)
        for types in _type_groups(each, instance, histories):
            numbers = measured(each, histories, cutoffs, kept, types)
            columns = [numbers[:, m].ravel() for m in range(len(each.measures))]
            slots = {
                f"aggregates.{i}.{m}": Numbers.of(column[column != 0])
                for m, column in enumerate(columns)
            }
            sketches = sketches.merge(SketchSet(slots))
    if by_type and isinstance(instance.types, AnyType):
        seen = sequence_windows(instance, histories, cutoffs).covered().kept
        column = as_categorical(histories.columns["type"].take(seen))
        sketches = sketches.merge(SketchSet(texts={"types": Texts.of(_counts(column))}))
    return sketches


def _type_groups(
    aggregates: Aggregates, instance: Instance, histories: FlatHistories
) -> list[list[str] | None]:
    """The types to split by, one at a time: there may be many before the fit."""
    if aggregates.by is None:
        return [None]
    types = aggregates.types or instance.types
    if isinstance(types, AnyType):
        types = as_categorical(histories.columns["type"]).distinct
    return [[kind] for kind in types]
